//! The ticket systems that people work in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firstline_diagnosis::spelling::nearest;
use firstline_diagnosis::vocabulary::Priority;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::files::readable;
use super::hooks::HookSettings;
use super::in_range;
use super::systems::{check_name, each_its_own, one_place, secret, secure};
use crate::ticket::TicketState;

/// Most desks.
const DESKS_MAX: usize = 20;
/// Most queues of a desk.
const QUEUES_MAX: usize = 50;

/// How a ticket usually ends that was about nothing.
const NOT_USEFUL: [&str; 9] = [
    "rejected",
    "deleted",
    "removed",
    "cancelled",
    "canceled",
    "duplicate",
    "false alarm",
    "false positive",
    "no fault found",
];

/// What the administrator says about a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeskSettings {
    /// What it is called here.
    pub name: String,
    /// Which system it is.
    pub kind: DeskKind,
    /// Its address, up to where its pages begin.
    pub url: String,
    /// Whose token it is; only for kinds that want to know.
    pub user: String,
    /// The OAuth client whose secret the token is (ServiceNow).
    pub client_id: String,
    /// File with the token alone.
    pub token_file: PathBuf,
    /// Environment variable with the token.
    pub token_variable: String,
    /// File with the token of the application (GLPI).
    pub app_token_file: PathBuf,
    /// PEM roots that its certificate is held against, instead of the system's.
    pub ca_file: PathBuf,
    /// Queues whose new tickets are looked at; none: nothing comes in by itself.
    pub queues: Vec<String>,
    /// How it says by itself that something happened there; absent: it does not.
    pub hook: Option<HookSettings>,
    /// How often it is asked for new tickets.
    pub poll_seconds: u64,
    /// Whether a new ticket whose machine is clear is diagnosed by itself.
    pub pull_by_itself: bool,
    /// Field of its tickets that names the machine.
    pub device_field: String,
    /// Field of its tickets that takes the category.
    pub category_field: String,
    /// Field of its tickets that says how they ended.
    pub closing_field: String,
    /// Its states and closing codes which say that the alert of a ticket was of no use.
    pub not_useful: Vec<String>,
    /// What is said of how a ticket was resolved, in the desk's word (ServiceNow, BMC Helix).
    pub close_code: String,
    /// Field of its tickets by which one that Firstline opened is found again (BMC Helix).
    pub mark_field: String,
    /// The time zone of its times, such as `Europe/Berlin`, where they come without one (GLPI).
    pub time_zone: String,
    /// What tickets are that are opened there, in the desk's word; empty: the usual.
    pub ticket_type: String,
    /// The workspace of a Freshservice that has several, 0 for all of them.
    pub workspace: Option<u64>,
    /// Firstline's state: the desk's.
    pub states: BTreeMap<String, String>,
    /// Firstline's priority: the desk's.
    pub priorities: BTreeMap<String, String>,
    /// Firstline's category: the desk's.
    pub categories: BTreeMap<String, String>,
    /// Firstline's queue for hand-overs: the desk's.
    pub escalation_queues: BTreeMap<String, String>,
}

/// Which system a desk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeskKind {
    /// Request Tracker 5, by its second REST interface.
    #[default]
    RequestTracker,
    /// Zammad.
    Zammad,
    /// ServiceNow's incidents.
    #[serde(rename = "servicenow")]
    ServiceNow,
    /// GLPI, by its first REST interface.
    Glpi,
    /// BMC Helix ITSM, by the REST interface of its AR System.
    BmcHelix,
    /// Zendesk Support.
    Zendesk,
    /// Freshservice.
    Freshservice,
    /// Freshdesk.
    Freshdesk,
    /// Jira Service Management Cloud.
    JiraServiceManagement,
}

impl DeskKind {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestTracker => "request-tracker",
            Self::Zammad => "zammad",
            Self::ServiceNow => "servicenow",
            Self::Glpi => "glpi",
            Self::BmcHelix => "bmc-helix",
            Self::Zendesk => "zendesk",
            Self::Freshservice => "freshservice",
            Self::Freshdesk => "freshdesk",
            Self::JiraServiceManagement => "jira-service-management",
        }
    }

    /// Whether it may be opened by a name with a token, not by a token alone.
    fn may_have_user(self) -> bool {
        !matches!(self, Self::RequestTracker | Self::Zammad)
    }

    /// Whether it has to be said whose token it is: who signs in, or whose the tickets are that nobody asked for.
    fn wants_user(self) -> bool {
        match self {
            Self::RequestTracker | Self::Zammad | Self::ServiceNow | Self::Glpi => false,
            Self::BmcHelix | Self::Zendesk | Self::Freshservice | Self::Freshdesk | Self::JiraServiceManagement => true,
        }
    }

    /// Whether its tickets have a type.
    fn has_types(self) -> bool {
        matches!(self, Self::Zendesk | Self::Freshservice | Self::Freshdesk | Self::JiraServiceManagement)
    }
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: DeskKind::default(),
            url: String::new(),
            user: String::new(),
            client_id: String::new(),
            token_file: PathBuf::new(),
            token_variable: String::new(),
            app_token_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            queues: Vec::new(),
            hook: None,
            poll_seconds: 30,
            pull_by_itself: true,
            device_field: String::new(),
            category_field: String::new(),
            closing_field: String::new(),
            not_useful: NOT_USEFUL.map(str::to_owned).to_vec(),
            close_code: String::new(),
            mark_field: String::new(),
            time_zone: String::new(),
            ticket_type: String::new(),
            workspace: None,
            states: BTreeMap::new(),
            priorities: BTreeMap::new(),
            categories: BTreeMap::new(),
            escalation_queues: BTreeMap::new(),
        }
    }
}

impl DeskSettings {
    /// The secret that opens it.
    ///
    /// # Errors
    /// When its file cannot be read or the variable is not there.
    pub(crate) fn token(&self, folder: &Path) -> Result<String, String> {
        secret(folder, "token", &self.token_file, &self.token_variable)
    }

    /// The token of the application, where the desk has one.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn app_token(&self, folder: &Path) -> Result<Option<String>, String> {
        let named = !self.app_token_file.as_os_str().is_empty();
        named.then(|| secret(folder, "app_token", &self.app_token_file, "")).transpose()
    }

    /// Looks whether the files are there that it names.
    pub(super) fn check_files(&self, folder: &Path) -> Result<(), String> {
        let check = || {
            if self.token_variable.is_empty() {
                self.token(folder)?;
            }
            self.app_token(folder)?;
            self.zone()?;
            if !self.ca_file.as_os_str().is_empty() {
                readable("ca_file", &folder.join(&self.ca_file))?;
            }
            let hook = self.hook.as_ref().filter(|hook| hook.secret_variable.is_empty());
            hook.map_or(Ok(()), |hook| hook.secret(folder).map(drop).map_err(|why| format!("hook: {why}")))
        };
        check().map_err(|why| format!("desk {:?}: {why}", self.name))
    }

    /// The time zone of its times, where the administrator named one.
    ///
    /// # Errors
    /// When there is no such zone.
    pub(crate) fn zone(&self) -> Result<Option<TimeZone>, String> {
        let named = Some(self.time_zone.as_str()).filter(|name| !name.is_empty());
        named.map(TimeZone::get).transpose().map_err(|error| format!("time_zone: {error}"))
    }

    /// What tickets are that are opened there.
    pub(crate) fn ticket_type_or<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.ticket_type.is_empty() { usual } else { &self.ticket_type }
    }

    /// The desk's word for a state.
    pub(crate) fn state(&self, state: TicketState) -> &str {
        self.states.get(state.name()).map_or(state.name(), String::as_str)
    }

    /// What a state of the desk means; nothing when nobody said.
    pub(crate) fn meaning(&self, word: &str) -> Option<TicketState> {
        let word = word.trim().to_lowercase();
        let mapped = TicketState::ALL
            .into_iter()
            .find(|state| self.states.get(state.name()).is_some_and(|own| own.to_lowercase() == word));
        mapped.or_else(|| TicketState::from_name(&word)).or(match word.as_str() {
            "in progress"
            | "assigned"
            | "work in progress"
            | "reopened"
            | "escalated"
            | "waiting for support"
            | "processing (assigned)"
            | "processing (planned)" => Some(TicketState::Open),
            "stalled"
            | "on hold"
            | "hold"
            | "pending reminder"
            | "waiting"
            | "waiting for customer"
            | "waiting on customer"
            | "waiting on third party" => Some(TicketState::Pending),
            "solved" | "done" => Some(TicketState::Resolved),
            "rejected" | "deleted" | "removed" | "cancelled" | "canceled" | "merged" => Some(TicketState::Closed),
            _ => None,
        })
    }

    /// Whether a ticket that ended with one of these words was about nothing.
    pub(crate) fn says_not_useful(&self, words: &[&str]) -> bool {
        let said = |word: &str| self.not_useful.iter().any(|one| one.eq_ignore_ascii_case(word.trim()));
        words.iter().any(|word| said(word))
    }

    /// The desk's word for a priority, when the administrator gave one.
    pub(crate) fn priority(&self, priority: Priority) -> Option<&str> {
        self.priorities.get(&format!("{priority:?}")).map(String::as_str)
    }

    /// Impact and urgency for a priority, at desks that work out the priority from them.
    ///
    /// # Errors
    /// When the administrator gave something else.
    pub(crate) fn impact_and_urgency(
        &self,
        priority: Priority,
        usual: (&str, &str),
    ) -> Result<(String, String), String> {
        let Some(word) = self.priority(priority) else { return Ok((usual.0.to_owned(), usual.1.to_owned())) };
        let both = word.split_once(',').map(|(impact, urgency)| (impact.trim().to_owned(), urgency.trim().to_owned()));
        let wanted = format!("priorities: {word:?} must be impact and urgency, such as \"{}, {}\"", usual.0, usual.1);
        both.filter(|(impact, urgency)| !impact.is_empty() && !urgency.is_empty()).ok_or(wanted)
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
        check_name("desk", "helpdesk", name)?;
        if name == "builtin" {
            return Err("desk \"builtin\" is always there; give this one another name".to_owned());
        }
        self.check_rest().map_err(|why| format!("desk {name:?}: {why}"))
    }

    /// Refuses what the kind of the desk does not know.
    fn check_user(&self) -> Result<(), String> {
        let kind = self.kind.name();
        if !self.kind.may_have_user() && !self.user.is_empty() {
            return Err(format!("{kind} is opened by its token alone; remove user"));
        }
        if self.kind.wants_user() && self.user.is_empty() {
            return Err(format!("{kind} needs user = \"NAME\", whose token it is"));
        }
        for (name, given, of) in [
            ("client_id", !self.client_id.is_empty(), &[DeskKind::ServiceNow][..]),
            ("app_token_file", !self.app_token_file.as_os_str().is_empty(), &[DeskKind::Glpi]),
            ("mark_field", !self.mark_field.is_empty(), &[DeskKind::BmcHelix]),
            ("close_code", !self.close_code.is_empty(), &[DeskKind::ServiceNow, DeskKind::BmcHelix]),
        ] {
            if given && !of.contains(&self.kind) {
                return Err(format!("{kind} has no {name}; remove it"));
            }
        }
        if !self.user.is_empty() && !self.client_id.is_empty() {
            return Err("it has both user and client_id; one is enough".to_owned());
        }
        Ok(())
    }

    fn check_rest(&self) -> Result<(), String> {
        secure(&self.url, "token_file")?;
        if let Some(start) = ["/REST/", "/rest/", "/api/v"].into_iter().find_map(|path| self.url.find(path)) {
            return Err(format!("url ends where its pages begin; did you mean `{}`?", &self.url[..start]));
        }
        one_place("token", &self.token_file, &self.token_variable)?;
        if let Some(hook) = &self.hook {
            one_place("secret", &hook.secret_file, &hook.secret_variable).map_err(|why| format!("hook: {why}"))?;
        }
        self.check_user()?;
        if !self.ticket_type.is_empty() && !self.kind.has_types() {
            return Err(format!("tickets of {} have no type; remove ticket_type", self.kind.name()));
        }
        if self.workspace.is_some() && self.kind != DeskKind::Freshservice {
            return Err("only a freshservice has workspaces; remove workspace".to_owned());
        }
        in_range("poll_seconds", self.poll_seconds, 5, 3600)?;
        in_range("the number of queues", self.queues.len(), 0, QUEUES_MAX)?;
        keys("states", &self.states, TicketState::ALL.map(TicketState::name).into_iter())?;
        keys("priorities", &self.priorities, ["P1", "P2", "P3", "P4", "P5"].into_iter())
    }
}

/// Checks all desks.
pub(super) fn check(desks: &[DeskSettings]) -> Result<(), String> {
    in_range("the number of [[desk]]", desks.len(), 0, DESKS_MAX)?;
    desks.iter().try_for_each(DeskSettings::check)?;
    each_its_own("desks", desks.iter().map(|desk| desk.name.as_str()))
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
    use std::fs;

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
        let said = desk.impact_and_urgency(Priority::P1, ("1", "2")).expect_err("one number");
        assert_eq!(said, "priorities: \"90\" must be impact and urgency, such as \"1, 2\"");
        let usual = desk.impact_and_urgency(Priority::P2, ("1", "2")).expect("the usual ones");
        assert_eq!(usual, ("1".to_owned(), "2".to_owned()));
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
            ("token_file =", "user = \"ana\"\ntoken_file =", "remove user"),
            ("token_file =", "app_token_file = \"x\"\ntoken_file =", "request-tracker has no app_token_file"),
            ("kind = \"request-tracker\"", "kind = \"bmc-helix\"", "bmc-helix needs user"),
            ("kind = \"request-tracker\"", "kind = \"servicenow\"\nuser = \"a\"\nclient_id = \"b\"", "one is enough"),
            ("token_file =", "ticket_type = \"x\"\ntoken_file =", "remove ticket_type"),
            ("token_file =", "workspace = 2\ntoken_file =", "remove workspace"),
            ("kind = \"request-tracker\"", "kind = \"zendesk\"", "zendesk needs user"),
            ("https://rt.example.com", "https://a.zendesk.com/api/v2", "did you mean `https://a.zendesk.com`?"),
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
