//! `firstline-agent`: reads this machine's health and tells its collector.

fn main() {}
