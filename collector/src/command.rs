//! The sub-commands of `firstline-collector`.
