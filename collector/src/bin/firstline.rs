//! `firstline`: the operator's command.

fn main() {}
