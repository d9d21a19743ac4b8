//! The sub-commands of `firstline-agent`.
