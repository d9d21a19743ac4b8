//! Code that produces the readings of a few related signals, a file each.
