//! Whether the kernel's packet filter refuses anything that comes in: `nftables`, by which newer `iptables` works too.

use std::collections::{BTreeMap, BTreeSet};

use super::{Message, Request, attributes, find, messages, text};

const SUBSYSTEM: u16 = 10 << 8;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const GET_RULE: u16 = SUBSYSTEM | 7;

/// A chain, by its table and its own name. The address family is left out: tables of one name rarely differ in purpose.
type Chain = (String, String);

/// Asks for all chains.
pub(crate) fn ask_chains() -> Vec<u8> {
    Request::netfilter(GET_CHAIN).done()
}

/// Asks for all rules.
pub(crate) fn ask_rules() -> Vec<u8> {
    Request::netfilter(GET_RULE).done()
}

/// Whether anything that arrives for this machine could be refused: a chain that sees it drops what no rule allowed, or
/// a rule that it can come to drops or rejects. `None` when no chain sees it at all.
pub(crate) fn refuses(chains: &[u8], rules: &[u8]) -> Option<bool> {
    let entrances = entrances(chains);
    if entrances.is_empty() {
        return None;
    }
    let rules = by_chain(rules);
    let mut open: Vec<&Chain> = entrances.iter().map(|(chain, _)| chain).collect();
    let mut seen = BTreeSet::new();
    let by_default = entrances.iter().any(|(_, drops)| *drops);
    let mut by_rule = false;
    while let Some(chain) = open.pop().filter(|_| !by_rule) {
        if !seen.insert(chain.clone()) {
            continue;
        }
        let Some(rules) = rules.get(chain) else { continue };
        by_rule = rules.refuses;
        open.extend(&rules.leads_to);
    }
    Some(by_default || by_rule)
}

/// The chains that see what arrives for this machine, and whether each drops what no rule allowed.
fn entrances(answer: &[u8]) -> Vec<(Chain, bool)> {
    const LOCAL_IN: u32 = 1;
    const DROP: u32 = 0;
    let entrance = |body: &[u8]| {
        let hook = find(body, 4)?;
        let policy = find(body, 5).and_then(big_endian);
        let sees = big_endian(find(hook, 1)?)? == LOCAL_IN && find(body, 7).and_then(text) == Some("filter");
        sees.then_some((name(body, 1, 3)?, policy == Some(DROP)))
    };
    bodies(answer).filter_map(entrance).collect()
}

/// What the rules of one chain do together.
#[derive(Debug, Default)]
struct Rules {
    refuses: bool,
    leads_to: BTreeSet<Chain>,
}

fn by_chain(answer: &[u8]) -> BTreeMap<Chain, Rules> {
    let mut chains: BTreeMap<Chain, Rules> = BTreeMap::new();
    for body in bodies(answer) {
        let (Some(chain), Some(expressions)) = (name(body, 1, 2), find(body, 4)) else { continue };
        let rules = chains.entry(chain.clone()).or_default();
        for (_, expression) in attributes(expressions) {
            match effect(expression) {
                Some(Effect::Refuses) => rules.refuses = true,
                Some(Effect::LeadsTo(other)) => drop(rules.leads_to.insert((chain.0.clone(), other))),
                None => {}
            }
        }
    }
    chains
}

enum Effect {
    Refuses,
    LeadsTo(String),
}

/// What one expression of a rule does to a packet, where it decides about it.
fn effect(expression: &[u8]) -> Option<Effect> {
    const DROP: u32 = 0;
    let data = find(expression, 2);
    match text(find(expression, 1)?)? {
        "reject" => Some(Effect::Refuses),
        // A target of iptables, by its name.
        "target" => matches!(text(find(data?, 1)?)?, "REJECT" | "DROP").then_some(Effect::Refuses),
        "immediate" => {
            let verdict = find(find(data?, 2)?, 2)?;
            match find(verdict, 2).and_then(text) {
                Some(chain) => Some(Effect::LeadsTo(chain.to_owned())),
                None => (big_endian(find(verdict, 1)?)? == DROP).then_some(Effect::Refuses),
            }
        }
        _ => None,
    }
}

fn name(body: &[u8], table: u16, chain: u16) -> Option<Chain> {
    Some((text(find(body, table)?)?.to_owned(), text(find(body, chain)?)?.to_owned()))
}

/// Unlike the rest of the kernel, this family sends its numbers in network order.
fn big_endian(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(..4)?.try_into().ok()?))
}

fn bodies(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    messages(answer).filter_map(|message| match message {
        Message::Body(body) => Some(body),
        Message::End(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::netlink::fixture;

    #[test]
    fn a_chain_that_drops_what_no_rule_allowed_refuses() {
        assert_eq!(refuses(&fixture("chains-drop"), &fixture("rules-drop")), Some(true));
    }

    #[test]
    fn a_rule_that_rejects_refuses() {
        assert_eq!(refuses(&fixture("chains-reject"), &fixture("rules-reject")), Some(true));
    }

    #[test]
    fn rules_that_only_accept_refuse_nothing() {
        assert_eq!(refuses(&fixture("chains-accept"), &fixture("rules-accept")), Some(false));
    }

    #[test]
    fn the_rules_of_firewalld_refuse_in_a_chain_behind_another() {
        assert_eq!(refuses(&fixture("chains-firewalld"), &fixture("rules-firewalld")), Some(true));
    }

    #[test]
    fn a_filter_without_chains_is_no_filter() {
        assert_eq!(refuses(&[], &[]), None);
    }
}
