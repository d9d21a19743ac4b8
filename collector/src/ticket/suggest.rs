//! Which machine a ticket is about, and why we think so.
//!
//! Six signs, each with a weight: the ticket names the endpoint; the desk's field for the device names it; its text names
//! the host, or the computer's serial number; the requester is signed in there, by the name that the ticket or a directory
//! gives them; a directory says that it is theirs; earlier tickets of the requester were about it. Independent signs for one
//! machine add up; a sign that points at several machines says less about each.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Requester, Suggestion, Ticket, TicketEndpoint};
use crate::directory::Person;

/// Most suggestions.
const SHOWN: usize = 5;

/// Host names shorter than this are found in any text by chance.
const SHORTEST_HOST_NAME: usize = 3;

const LINKED: f64 = 1.0;
const NAMED_IN_FIELD: f64 = 0.97;
const NAMED_IN_TEXT: f64 = 0.95;
const SIGNED_IN: f64 = 0.9;
const THEIRS: f64 = 0.8;
const LIKE_THE_EMAIL: f64 = 0.7;
const PAST_TICKET: f64 = 0.5;

/// A machine that a ticket could be about.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The machine.
    pub(super) endpoint: TicketEndpoint,
    /// People signed in there.
    pub(super) users: Vec<String>,
}

/// An earlier ticket of the same person.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// Its number.
    pub(super) number: String,
    /// The machine it was about.
    pub(super) endpoint: String,
}

/// What is known beside the ticket.
#[derive(Debug)]
pub(super) struct Signs<'a> {
    /// Earlier tickets of the requester, newest first.
    pub(super) past: Vec<Past>,
    /// Endpoints whose serial number stands in the desk's field for the device.
    pub(super) serial_in_field: BTreeSet<String>,
    /// Endpoints whose serial number stands in the text.
    pub(super) serial_in_text: BTreeSet<String>,
    /// The requester in a directory.
    pub(super) person: Option<&'a Person>,
}

/// One sign: how strong, and in words.
type Sign = (f64, String);

/// Suggestions, the likeliest first.
pub(super) fn rank(ticket: &Ticket, candidates: &[Candidate], beside: &Signs<'_>) -> Vec<Suggestion> {
    let person = beside.person;
    let mut signs: BTreeMap<&str, Vec<Sign>> = BTreeMap::new();
    let mut add = |endpoint: &str, sign: Sign| {
        if let Some(candidate) = candidates.iter().find(|candidate| candidate.endpoint.id == endpoint) {
            signs.entry(&candidate.endpoint.id).or_default().push(sign);
        }
    };
    if let Some(endpoint) = &ticket.endpoint {
        add(&endpoint.id, (LINKED, "the ticket is linked to it".to_owned()));
    }
    if let Some(outside) = ticket.outside.as_ref().filter(|outside| !outside.device.trim().is_empty()) {
        let device = outside.device.trim().to_lowercase();
        let meant = |one: &&Candidate| one.endpoint.id == device || names_host(&device, &one.endpoint.name);
        for candidate in candidates.iter().filter(meant) {
            let words = format!("the field for the device at {} names {}", outside.desk, candidate.endpoint.name);
            add(&candidate.endpoint.id, (NAMED_IN_FIELD, words));
        }
    }
    let text = format!("{} {}", ticket.subject, ticket.text).to_lowercase();
    for candidate in candidates.iter().filter(|candidate| names_host(&text, &candidate.endpoint.name)) {
        add(&candidate.endpoint.id, (NAMED_IN_TEXT, format!("the text names {}", candidate.endpoint.name)));
    }
    for endpoint in &beside.serial_in_field {
        add(endpoint, (NAMED_IN_FIELD, "the desk's field for the device holds its serial number".to_owned()));
    }
    for endpoint in &beside.serial_in_text {
        add(endpoint, (NAMED_IN_TEXT, "the text names its serial number".to_owned()));
    }
    for (endpoint, sign) in signed_in(&ticket.requester, person, candidates) {
        add(endpoint, sign);
    }
    let machines: Vec<String> =
        person.iter().flat_map(|person| &person.machines).map(|one| one.to_lowercase()).collect();
    let theirs = |one: &&Candidate| machines.iter().any(|machine| names_host(machine, &one.endpoint.name));
    for candidate in candidates.iter().filter(theirs) {
        add(&candidate.endpoint.id, (THEIRS, "the directory says that it is the requester's".to_owned()));
    }
    if let Some(last) = beside.past.first() {
        add(&last.endpoint, (PAST_TICKET, format!("the requester's last ticket {} was about it", last.number)));
    }
    let mut suggestions: Vec<Suggestion> = candidates
        .iter()
        .filter_map(|candidate| suggestion(candidate, signs.get(candidate.endpoint.id.as_str())?))
        .collect();
    suggestions.sort_by(|one, other| {
        other.confidence.total_cmp(&one.confidence).then_with(|| one.endpoint.name.cmp(&other.endpoint.name))
    });
    suggestions.truncate(SHOWN);
    suggestions
}

fn suggestion(candidate: &Candidate, signs: &[Sign]) -> Option<Suggestion> {
    let doubt: f64 = signs.iter().map(|(weight, _)| 1.0 - weight).product();
    let words: Vec<&str> = signs.iter().map(|(_, words)| words.as_str()).collect();
    let mut reason = words.join(", and ");
    reason.get_mut(..1)?.make_ascii_uppercase();
    let confidence = ((1.0 - doubt) * 100.0).round() / 100.0;
    Some(Suggestion { endpoint: candidate.endpoint.clone(), confidence, reason: format!("{reason}.") })
}

/// Machines where the requester is signed in, by their sign-in name, else by that of the directory, else by the first part of
/// their e-mail address.
fn signed_in<'a>(requester: &Requester, person: Option<&Person>, candidates: &'a [Candidate]) -> Vec<(&'a str, Sign)> {
    let told = person.map(|person| bare_user(&person.sign_in)).unwrap_or_default();
    let (name, weight, kind) = match bare_user(&requester.sign_in) {
        name if !name.is_empty() => (name, SIGNED_IN, "the requester"),
        _ if !told.is_empty() => (told, SIGNED_IN, "the requester, by the name that the directory has"),
        _ => (bare_user(&requester.email), LIKE_THE_EMAIL, "somebody with the requester's e-mail name"),
    };
    if name.is_empty() {
        return Vec::new();
    }
    let there = |candidate: &&Candidate| candidate.users.iter().any(|user| bare_user(user) == name);
    let machines: Vec<&Candidate> = candidates.iter().filter(there).collect();
    let others = machines.len().saturating_sub(1);
    let weight = if others == 0 { weight } else { weight / (machines.len() as f64).sqrt() };
    let words = match others {
        0 => format!("{kind} ({name}) is signed in there and nowhere else"),
        _ => format!("{kind} ({name}) is signed in there, but also on {others} other machine(s)"),
    };
    machines.into_iter().map(|candidate| (candidate.endpoint.id.as_str(), (weight, words.clone()))).collect()
}

/// `CORP\Ana`, `ana@corp.example` and `ana` are one person.
fn bare_user(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit('\\').next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_owned()
}

/// Whether `text` (lower case) holds the host's name, or its first label, as a word of its own.
fn names_host(text: &str, host: &str) -> bool {
    let host = host.to_lowercase();
    let label = host.split('.').next().unwrap_or_default();
    label.chars().count() >= SHORTEST_HOST_NAME && label != "localhost" && has_word(text, label)
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_an_address_alone_is_looked_for_under_the_name_that_the_directory_has() {
        let candidate = |id: &str, user: &str| Candidate {
            endpoint: TicketEndpoint { id: id.to_owned(), name: id.to_owned() },
            users: vec![user.to_owned()],
        };
        let candidates = [candidate("e1", "CORP\\asilva"), candidate("e2", "ana.silva")];
        let requester = Requester { email: "ana.silva@corp.test".to_owned(), ..Requester::default() };
        let person = Person { sign_in: "asilva".to_owned(), machines: Vec::new() };
        let told = signed_in(&requester, Some(&person), &candidates);
        assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["e1"]);
        assert!(told[0].1.1.contains("by the name that the directory has (asilva)"), "{told:?}");
        let guessed = signed_in(&requester, None, &candidates);
        assert_eq!(
            guessed.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            ["e2"],
            "without a directory, by the address"
        );
    }
}
