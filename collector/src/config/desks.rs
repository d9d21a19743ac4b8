//! The ticket systems that people work in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use firstline_diagnosis::vocabulary::Priority;
use reqwest::Url;
use serde::Deserialize;

use super::error::nearest;
use super::in_range;
use crate::ticket::TicketState;

/// Longest name of a desk, in letters.
const NAME_LETTERS: usize = 32;
/// Most desks.
const DESKS_MAX: usize = 20;
/// Most queues of a desk.
const QUEUES_MAX: usize = 50;

/// What the administrator says about a desk.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeskSettings {
    /// What it is called here.
    pub name: String,
    /// Which system it is.
    pub kind: DeskKind,
    /// Its address, up to where its pages begin.
    pub url: String,
    /// File with the token alone.
    pub token_file: PathBuf,
    /// Environment variable with the token.
    pub token_variable: String,
    /// PEM roots that its certificate is held against, instead of the system's.
    pub ca_file: PathBuf,
    /// Queues whose new tickets are looked at; none: nothing comes in by itself.
    pub queues: Vec<String>,
    /// How often it is asked for new tickets.
    pub poll_seconds: u64,
    /// Whether a new ticket whose machine is clear is diagnosed by itself.
    pub pull_by_itself: bool,
    /// Field of its tickets that names the machine.
    pub device_field: String,
    /// Field of its tickets that takes the category.
    pub category_field: String,
    /// Firstline's state: the desk's.
    pub states: BTreeMap<String, String>,
    /// Firstline's priority: the desk's.
    pub priorities: BTreeMap<String, String>,
    /// Firstline's category: the desk's.
    pub categories: BTreeMap<String, String>,
}

/// Which system a desk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeskKind {
    /// Request Tracker 5, by its second REST interface.
    #[default]
    RequestTracker,
    /// Zammad.
    Zammad,
}

impl DeskKind {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestTracker => "request-tracker",
            Self::Zammad => "zammad",
        }
    }
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: DeskKind::default(),
            url: String::new(),
            token_file: PathBuf::new(),
            token_variable: String::new(),
            ca_file: PathBuf::new(),
            queues: Vec::new(),
            poll_seconds: 30,
            pull_by_itself: true,
            device_field: String::new(),
            category_field: String::new(),
            states: BTreeMap::new(),
            priorities: BTreeMap::new(),
            categories: BTreeMap::new(),
        }
    }
}

impl DeskSettings {
    /// The secret that opens it.
    ///
    /// # Errors
    /// When its file cannot be read or the variable is not there.
    pub(crate) fn token(&self, folder: &Path) -> Result<String, String> {
        if !self.token_variable.is_empty() {
            let missing = |_| format!("token_variable: {} is not in the collector's environment", self.token_variable);
            return env::var(&self.token_variable).map_err(missing);
        }
        let path = folder.join(&self.token_file);
        let text = fs::read_to_string(&path)
            .map_err(|cause| format!("token_file: cannot read {}: {cause}", path.display()))?;
        match text.trim() {
            "" => Err(format!("token_file: {} is empty", path.display())),
            token => Ok(token.to_owned()),
        }
    }

    /// The desk's word for a state.
    pub(crate) fn state(&self, state: TicketState) -> &str {
        self.states.get(state.name()).map_or(state.name(), String::as_str)
    }

    /// The desk's word for a priority, when the administrator gave one.
    pub(crate) fn priority(&self, priority: Priority) -> Option<&str> {
        self.priorities.get(&format!("{priority:?}")).map(String::as_str)
    }

    /// The desk's word for a category: that of the longest part of it that the map has, as in `Storage` for
    /// `Storage/Capacity`; its own without any.
    pub(crate) fn category<'a>(&'a self, category: &'a str) -> &'a str {
        let mut part = category;
        loop {
            if let Some(found) = self.categories.get(part) {
                return found;
            }
            match part.rsplit_once('/') {
                Some((shorter, _)) => part = shorter,
                None => return category,
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if name.is_empty() || name.len() > NAME_LETTERS || !name.chars().all(good) {
            return Err(format!(
                "each [[desk]] needs a name of 1 to {NAME_LETTERS} small letters, digits and -, such as name = \"helpdesk\"; \
                 {name:?} is none"
            ));
        }
        if name == "builtin" {
            return Err("desk \"builtin\" is always there; give this one another name".to_owned());
        }
        self.check_rest().map_err(|why| format!("desk {name:?}: {why}"))
    }

    fn check_rest(&self) -> Result<(), String> {
        let url = Url::parse(&self.url)
            .map_err(|_| format!("url {:?} is no address, such as \"https://rt.example.com\"", self.url))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(format!("url {:?} must begin with https://", self.url));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "url holds a name or a password, which this file is not the place for; use token_file".to_owned()
            );
        }
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() == "http" && !here {
            return Err(
                "url is not encrypted, so that anybody on the way could read the token; use https://".to_owned()
            );
        }
        if let Some(start) = self.url.find("/REST/") {
            return Err(format!("url ends where its pages begin; did you mean `{}`?", &self.url[..start]));
        }
        match (self.token_file.as_os_str().is_empty(), self.token_variable.is_empty()) {
            (true, true) => {
                Err("it needs token_file = \"FILE\" or token_variable = \"NAME\" with its token".to_owned())
            }
            (false, false) => Err("it has both token_file and token_variable; one is enough".to_owned()),
            _ => Ok(()),
        }?;
        in_range("poll_seconds", self.poll_seconds, 5, 3600)?;
        in_range("the number of queues", self.queues.len(), 0, QUEUES_MAX)?;
        keys("states", &self.states, TicketState::ALL.map(TicketState::name).into_iter())?;
        keys("priorities", &self.priorities, ["P1", "P2", "P3", "P4", "P5"].into_iter())
    }
}

/// Checks all desks.
pub(super) fn check(desks: &[DeskSettings]) -> Result<(), String> {
    in_range("the number of [[desk]]", desks.len(), 0, DESKS_MAX)?;
    let mut names = BTreeSet::new();
    for desk in desks {
        desk.check()?;
        if !names.insert(&desk.name) {
            return Err(format!("two desks are called {:?}; give each a name of its own", desk.name));
        }
    }
    Ok(())
}

/// Refuses a key of a map that means nothing.
fn keys(
    map: &str,
    entries: &BTreeMap<String, String>,
    known: impl Iterator<Item = &'static str> + Clone,
) -> Result<(), String> {
    let Some(odd) = entries.keys().find(|key| !known.clone().any(|one| one == key.as_str())) else { return Ok(()) };
    let guess = nearest(odd, known.clone()).map_or_else(
        || format!("it takes {}", known.collect::<Vec<_>>().join(", ")),
        |meant| format!("did you mean `{meant}`?"),
    );
    Err(format!("{map} has the key `{odd}`; {guess}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const GOOD: &str = r#"[[desk]]
        name = "helpdesk"
        kind = "request-tracker"
        url = "https://rt.example.com"
        token_file = "rt.token"
        queues = ["Workstations"]
        states = { resolved = "solved" }
        priorities = { P1 = "90" }
        categories = { Storage = "Disk" }
    "#;

    #[test]
    fn a_desk_is_read_and_its_maps_are_asked() {
        let config = Config::parse(GOOD).expect("a desk");
        let desk = &config.desk[0];
        assert_eq!(desk.state(TicketState::Resolved), "solved");
        assert_eq!(desk.state(TicketState::Open), "open");
        assert_eq!(desk.priority(Priority::P1), Some("90"));
        assert_eq!(desk.priority(Priority::P2), None);
        assert_eq!(desk.category("Storage/Capacity"), "Disk");
        assert_eq!(desk.category("Network"), "Network");
    }

    #[test]
    fn every_usual_mistake_with_a_desk_is_answered_with_what_would_be_right() {
        for (from, to, answer) in [
            ("name = \"helpdesk\"", "name = \"Help Desk\"", "small letters"),
            ("name = \"helpdesk\"", "name = \"builtin\"", "always there"),
            ("kind = \"request-tracker\"", "kind = \"request-traker\"", "did you mean `request-tracker`?"),
            ("https://rt.example.com", "rt.example.com", "no address"),
            ("https://rt.example.com", "http://rt.example.com", "not encrypted"),
            ("https://rt.example.com", "https://a:b@rt.example.com", "use token_file"),
            ("https://rt.example.com", "https://rt.example.com/REST/2.0", "did you mean `https://rt.example.com`?"),
            ("token_file = \"rt.token\"", "", "needs token_file"),
            ("token_file = \"rt.token\"", "tokenfile = \"x\"", "did you mean `token_file`?"),
            ("states = { resolved", "states = { resolvd", "did you mean `resolved`?"),
            ("{ P1 = \"90\" }", "{ high = \"90\" }", "P1, P2"),
            ("queues = [", "poll_seconds = 1\nqueues = [", "from 5 to 3600"),
        ] {
            let said = Config::parse(&GOOD.replace(from, to)).expect_err(to);
            assert!(said.contains(answer), "{to}: {said}");
        }
        let twice = format!("{GOOD}\n{GOOD}");
        assert!(Config::parse(&twice).expect_err("twice").contains("a name of its own"));
    }

    #[test]
    fn a_secret_comes_from_its_file_and_its_absence_is_told() {
        let folder = tempfile::tempdir().expect("folder");
        let desk = Config::parse(GOOD).expect("a desk").desk.remove(0);
        assert!(desk.token(folder.path()).expect_err("no file").contains("rt.token"));
        fs::write(folder.path().join("rt.token"), "1-14-abc\n").expect("written");
        assert_eq!(desk.token(folder.path()).expect("a token"), "1-14-abc");
    }
}
