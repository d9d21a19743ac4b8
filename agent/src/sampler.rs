//! Turns readings into the rows of samples.
