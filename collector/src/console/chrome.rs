//! What every page has: the frame, and the words for times.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use firstline_diagnosis::vocabulary::Timestamp;

use super::assets;
use crate::access::Roles;
use crate::access::gate::Caller;
use crate::api::problem::{Fault, Problem};

/// The frame of a page.
pub(crate) struct Chrome {
    /// Title in the browser's tab.
    pub title: String,
    /// The room whose link is marked: `alerts`, `endpoints`, `tickets`, `audit` or `administration`.
    pub room: &'static str,
    /// Who is signed in; empty on the sign-in page.
    pub who: String,
    /// Their role.
    pub role: &'static str,
    /// Whether they may read the audit log.
    pub audits: bool,
    /// Whether they run the product: tokens and accounts.
    pub administers: bool,
    /// Seconds after which a browser without JavaScript loads the page again; 0: never.
    pub refresh_seconds: u32,
}

impl Chrome {
    /// The frame of a page for `caller`.
    pub(crate) fn new(title: impl Into<String>, room: &'static str, caller: &Caller) -> Self {
        let principal = caller.principal.as_ref();
        Self {
            title: title.into(),
            room,
            who: caller.name().to_owned(),
            role: principal.map_or("", |principal| principal.role.name()),
            audits: caller.may(Roles::AUDIT),
            administers: caller.may(Roles::ADMINISTER),
            refresh_seconds: 0,
        }
    }

    /// The frame of a page for nobody in particular.
    pub(crate) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            room: "",
            who: String::new(),
            role: "",
            audits: false,
            administers: false,
            refresh_seconds: 0,
        }
    }

    /// Loads again every `seconds` where there is no JavaScript.
    pub(crate) fn refreshed(mut self, seconds: u32) -> Self {
        self.refresh_seconds = seconds;
        self
    }

    /// The address of an asset.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// A rendered page, or the page that says why not.
pub(crate) fn page(template: &impl Template) -> Result<Response, Fault> {
    Ok(Html(template.render().map_err(|error| Problem::failed(&error))?).into_response())
}

/// A moment as a page shows it: its age, kept true by the script, with the full date beneath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    at: Timestamp,
    now: Timestamp,
}

impl When {
    /// `at`, seen from `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// The age in words: `3 min ago`.
    pub(crate) fn ago(&self) -> String {
        let seconds = self.now.seconds_since(self.at).max(0.0) as u64;
        match seconds {
            0..5 => "just now".to_owned(),
            5..60 => format!("{seconds} s ago"),
            60..3600 => format!("{} min ago", seconds / 60),
            3600..172_800 => format!("{} h ago", seconds / 3600),
            _ => format!("{} days ago", seconds / 86_400),
        }
    }

    /// How long from now: `in 23 h`; ages for what is past.
    pub(crate) fn ahead(&self) -> String {
        let seconds = self.at.seconds_since(self.now).max(0.0) as u64;
        match seconds {
            0 => self.ago(),
            1..90 => format!("in {seconds} s"),
            90..5400 => format!("in {} min", seconds.div_ceil(60)),
            _ => format!("in {} h", (seconds + 1800) / 3600),
        }
    }

    /// RFC 3339, for machines.
    pub(crate) fn iso(&self) -> String {
        self.at.to_string()
    }

    /// `2026-01-21 12:55 UTC`, for people.
    pub(crate) fn full(&self) -> String {
        let text = self.at.to_string();
        format!("{} {} UTC", text.get(..10).unwrap_or(&text), text.get(11..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_like_speech() {
        let now = Timestamp::from_unix_seconds(1_769_000_000);
        let ago = |seconds: i64| When::new(Timestamp::from_unix_seconds(1_769_000_000 - seconds), now).ago();
        assert_eq!(
            [ago(0), ago(42), ago(60), ago(3599), ago(7200), ago(200_000)],
            ["just now", "42 s ago", "1 min ago", "59 min ago", "2 h ago", "2 days ago"]
        );
        assert_eq!(ago(-30), "just now", "a clock that runs ahead is not the future");
        assert_eq!(When::new(now, now).full(), "2026-01-21 12:53 UTC");
    }
}
