//! What each operating system says, read and parsed apart.
