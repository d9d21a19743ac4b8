//! `firstline-collector`: the server.

fn main() {}
