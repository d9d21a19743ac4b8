//! What a directory says of an account: whether its owner can sign in, and nothing else of them.

use firstline_diagnosis::texts::{moment, quantity};
use firstline_diagnosis::vocabulary::{Attributes, Reading, Timestamp, Unknown, Value, Why};
use serde::{Deserialize, Serialize};

/// What is known, or why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer<T> {
    /// The directory says so.
    Known(T),
    /// It cannot be read.
    Unknown(Unknown),
}

/// An account, as far as signing in goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The directory's name in the configuration.
    pub directory: String,
    /// The name that its owner signs in with.
    pub sign_in: String,
    /// When the directory was asked.
    pub asked_at: Timestamp,
    /// Whether too many wrong passwords have locked it.
    pub locked: Answer<bool>,
    /// Since when; absent when it is not locked, or the directory does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<Timestamp>,
    /// Whether somebody has disabled it.
    pub disabled: Answer<bool>,
    /// When the account ends; `null` for never.
    pub account_ends: Answer<Option<Timestamp>>,
    /// Whether the password must be changed before the next sign-in.
    pub must_change: Answer<bool>,
    /// When the password ends; `null` for never.
    pub password_ends: Answer<Option<Timestamp>>,
    /// Names of computers that the directory says are its owner's.
    pub machines: Vec<String>,
}

impl Account {
    /// What it says, in lines for people.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let now = self.asked_at;
        let flag = |answer: &Answer<bool>, yes: String| match answer {
            Answer::Known(true) => yes,
            Answer::Known(false) => "no".to_owned(),
            Answer::Unknown(unknown) => format!("unknown: {}", unknown.words()),
        };
        let end = |answer: &Answer<Option<Timestamp>>| match answer {
            Answer::Known(None) => "never ends".to_owned(),
            Answer::Known(Some(at)) if *at <= now => format!("ended on {}", moment(*at)),
            Answer::Known(Some(at)) => format!("ends on {}, in {}", moment(*at), quantity(at.seconds_since(now), "s")),
            Answer::Unknown(unknown) => format!("unknown: {}", unknown.words()),
        };
        let since = self.locked_at.map(|at| format!("yes, since {}", moment(at)));
        vec![
            ("locked", flag(&self.locked, since.unwrap_or_else(|| "yes".to_owned()))),
            ("disabled", flag(&self.disabled, "yes".to_owned())),
            ("account", end(&self.account_ends)),
            ("must change password", flag(&self.must_change, "yes, at the next sign-in".to_owned())),
            ("password", end(&self.password_ends)),
        ]
    }

    /// What keeps its owner from signing in, in a sentence; nothing when nothing is known to.
    pub fn trouble(&self) -> Option<String> {
        let over =
            |answer: &Answer<Option<Timestamp>>| matches!(answer, Answer::Known(Some(at)) if *at <= self.asked_at);
        let reasons = [
            (self.locked == Answer::Known(true), "it is locked"),
            (self.disabled == Answer::Known(true), "it is disabled"),
            (over(&self.account_ends), "it has ended"),
            (self.must_change == Answer::Known(true), "its password must be changed first"),
            (over(&self.password_ends) && self.must_change != Answer::Known(true), "its password has expired"),
        ];
        let reasons: Vec<&str> = reasons.into_iter().filter(|(holds, _)| *holds).map(|(_, words)| words).collect();
        let Self { sign_in, directory, .. } = self;
        let why = reasons.join(", and ");
        (!why.is_empty()).then(|| format!("The account {sign_in} cannot sign in, says directory {directory}: {why}."))
    }

    /// The same as readings for a diagnosis, in which the moment of the question is `at`.
    pub(super) fn readings(&self, at: Timestamp) -> Vec<Reading> {
        let left = |answer: &Answer<Option<Timestamp>>| match answer {
            Answer::Known(Some(ends)) => Ok(Value::Number(ends.seconds_since(self.asked_at).max(0.0))),
            Answer::Known(None) => Err(Unknown::new(Why::NotPresent, "it never ends")),
            Answer::Unknown(unknown) => Err(unknown.clone()),
        };
        let flag = |answer: &Answer<bool>| match answer {
            Answer::Known(holds) => Ok(Value::Flag(*holds)),
            Answer::Unknown(unknown) => Err(unknown.clone()),
        };
        let outcomes = [
            flag(&self.locked),
            left(&self.password_ends),
            flag(&self.must_change),
            flag(&self.disabled),
            left(&self.account_ends),
        ];
        let since = self.locked_at.map_or(at, |locked| at - self.asked_at.since(locked));
        let both = SIGNALS.into_iter().zip(outcomes).zip([since, at, at, at, at]);
        both.map(|((signal, outcome), at)| reading(signal, &self.sign_in, outcome, at)).collect()
    }
}

/// The signals that an account's state is told in.
const SIGNALS: [&str; 5] = [
    "endpoint.user.locked",
    "endpoint.user.password_expires_in",
    "endpoint.user.must_change_password",
    "endpoint.user.disabled",
    "endpoint.user.account_expires_in",
];

/// Readings without a value for the account of `user`.
pub(super) fn unreadable(user: &str, why: &Unknown, at: Timestamp) -> Vec<Reading> {
    SIGNALS.into_iter().map(|signal| reading(signal, user, Err(why.clone()), at)).collect()
}

fn reading(signal: &str, user: &str, outcome: Result<Value, Unknown>, at: Timestamp) -> Reading {
    let attributes = Attributes::from([("user", user)]);
    match outcome {
        Ok(value) => Reading::value(signal, attributes, value, at),
        Err(unknown) => Reading::unknown(signal, attributes, unknown, at),
    }
}
