//! IPsec without an interface: connections that are only known to the kernel's list, and to who negotiates them.
//!
//! The list takes the right to rewrite it (`CAP_NET_ADMIN`), which the service does without. strongSwan leaves a trace that
//! everybody may read: it puts the ways through a connection into a routing table of its own while that is up. Where there is
//! neither, that somebody runs who negotiates makes it an open question, and that nobody does an answer.

use std::path::Path;

use super::netlink::Kernel;
use crate::os::netlink::xfrm;
use crate::os::proc::fib_trie;
use crate::os::{exists, read};
use crate::probe::ProbeError;

/// What those leave in `/run` who negotiate connections: strongSwan in its three ways to start, libreswan, racoon, iked.
const NEGOTIATORS: [&str; 7] = [
    "run/charon.vici",
    "run/charon.pid",
    "run/starter.charon.pid",
    "run/strongswan.pid",
    "run/pluto/pluto.pid",
    "run/racoon.pid",
    "run/iked.sock",
];
/// Asking makes the kernel load this when nobody did yet, and then there is nothing to ask about.
const LOADED: &str = "sys/module/xfrm_user";
/// Where strongSwan puts the ways through its connections.
const TABLE: u32 = 220;

/// Whether IPsec leads through another network without an interface of its own.
///
/// # Errors
/// Nobody negotiates such connections here, or whether one is up may not be known.
pub(crate) fn ipsec(root: &Path) -> Result<bool, ProbeError> {
    let is_negotiated = NEGOTIATORS.iter().any(|file| exists(root, file));
    if !is_negotiated && !exists(root, LOADED) {
        return Err(ProbeError::NotPresent("IPsec"));
    }
    match (established(root), is_negotiated) {
        (Ok(0), false) => Err(ProbeError::NotPresent("IPsec")),
        (Ok(count), _) => Ok(count > 0),
        (Err(_), _) if has_ways(root) => Ok(true),
        (Err(_), false) => Err(ProbeError::NotPresent("IPsec")),
        (Err(why), true) => Err(why),
    }
}

fn established(root: &Path) -> Result<usize, ProbeError> {
    let mut answer = Kernel::ipsec(root)?.ask("the kernel's list of IPsec connections", &xfrm::ask())?;
    let count = xfrm::established(&answer);
    // The connections' keys are in there.
    answer.fill(0);
    Ok(count)
}

fn has_ways(root: &Path) -> bool {
    read(root, "proc/net/fib_trie").is_ok_and(|tables| fib_trie::has_ways(&tables, TABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::prepared::machine;

    const WAYS: &str =
        "Id 220:\n  |-- 10.9.0.0\n     /16 universe UNICAST\nMain:\n  |-- 0.0.0.0\n     /0 universe UNICAST\n";

    #[test]
    fn the_ways_of_strongswan_tell_what_the_kernel_does_not() {
        let root = machine::<str>(&[("run/charon.vici", ""), ("proc/net/fib_trie", WAYS)]);
        assert_eq!(ipsec(root.path()), Ok(true));
    }

    #[test]
    fn who_negotiates_leaves_a_question_and_nobody_an_answer() {
        let asked = machine::<str>(&[("run/pluto/pluto.pid", "9"), ("proc/net/fib_trie", "Main:\n")]);
        assert!(ipsec(asked.path()).is_err_and(|why| why != ProbeError::NotPresent("IPsec")));
        let bare = machine::<str>(&[("proc/net/fib_trie", WAYS)]);
        assert_eq!(ipsec(bare.path()), Err(ProbeError::NotPresent("IPsec")));
    }
}
