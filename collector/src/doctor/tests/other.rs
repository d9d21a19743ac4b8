//! Access lists are not looked at there.
