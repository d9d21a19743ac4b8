//! The text formats of `/proc` and `/sys`: pure functions of text, the same on every system that compiles them.
//!
//! A field that is missing or not a number makes its value absent, never zero, and nothing here panics whatever it is
//! given.

pub(crate) mod account;
pub(crate) mod asound;
pub(crate) mod ccache;
pub(crate) mod disk_use;
pub(crate) mod diskstats;
pub(crate) mod dmi;
pub(crate) mod faillock;
pub(crate) mod fib_trie;
pub(crate) mod filesystem_errors;
pub(crate) mod firmware;
pub(crate) mod hardware_errors;
pub(crate) mod hwmon;
pub(crate) mod icmp;
pub(crate) mod ini;
pub(crate) mod journal;
pub(crate) mod kmsg;
pub(crate) mod lease;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod logind;
pub(crate) mod mdstat;
pub(crate) mod meminfo;
pub(crate) mod mounts;
pub(crate) mod netdev;
pub(crate) mod pid;
pub(crate) mod power_supply;
pub(crate) mod pressure;
pub(crate) mod proxy;
pub(crate) mod puppet;
pub(crate) mod release;
pub(crate) mod resolv;
pub(crate) mod route;
pub(crate) mod ruleset;
pub(crate) mod sockets;
pub(crate) mod stat;
pub(crate) mod throttle;
pub(crate) mod usage;
pub(crate) mod utmp;
pub(crate) mod virtualization;
pub(crate) mod vmstat;
pub(crate) mod zram;
