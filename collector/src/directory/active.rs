//! From the attributes of a user in Active Directory to what they mean. Pure: `now` and the domain's policy are arguments.
//!
//! - The bits for locked and for an expired password are kept up to date only in `msDS-User-Account-Control-Computed`, those
//!   of `userAccountControl` are not. A `lockoutTime` stays after the lock has lapsed, so it needs the policy's duration.
//! - `msDS-UserPasswordExpiryTimeComputed` knows the policies that are finer than the domain's; where it is not given, the end
//!   follows from `pwdLastSet` and the domain's `maxPwdAge`.
//! - An attribute that is not given may have been hidden from the account that asks: it is unknown, never fine.

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::{Timestamp, Unknown, Why};

use super::account::{Account, Answer};
use super::filetime::{Moment, Span, moment, span};

/// What is asked for. The computed ones must be named.
pub(super) const ATTRIBUTES: [&str; 11] = [
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    COMPUTED,
    "lockoutTime",
    "pwdLastSet",
    EXPIRY,
    "accountExpires",
    "userWorkstations",
    "managedObjects",
    "objectClass",
];
const COMPUTED: &str = "msDS-User-Account-Control-Computed";
const EXPIRY: &str = "msDS-UserPasswordExpiryTimeComputed";

const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
/// Accounts of domains, workstations and servers, which are never locked.
const TRUST: i64 = 0x800 | 0x1000 | 0x2000;
/// Whose password does not end: those, `password never expires` and `smart card required`.
const ENDLESS: i64 = TRUST | 0x1_0000 | 0x4_0000;

/// Most computers that are told of a person.
const MACHINES: usize = 5;

/// Attributes by their names in small letters.
#[derive(Debug, Clone, Default)]
pub(super) struct Given(BTreeMap<String, Vec<String>>);

impl FromIterator<(String, Vec<String>)> for Given {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(all: I) -> Self {
        Self(all.into_iter().map(|(name, values)| (name.to_ascii_lowercase(), values)).collect())
    }
}

impl Given {
    /// The first value of an attribute; empty without one.
    pub(super) fn text(&self, name: &str) -> &str {
        self.all(name).first().map_or("", String::as_str)
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    fn number(&self, name: &str) -> Result<i64, Unknown> {
        match self.text(name) {
            "" => Err(Unknown::new(Why::NoPermission, format!("{name} is not given to the account that asks"))),
            text => text.parse().map_err(|_| Unknown::new(Why::Failed, format!("{name} is no number"))),
        }
    }
}

/// What the domain's own object says of passwords and locks; absent where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Policy {
    /// How long a password is good.
    password_age: Option<Span>,
    /// How long a lock lasts; without end: until somebody unlocks.
    lockout: Option<Span>,
}

impl Policy {
    /// Its attributes.
    pub(super) const ATTRIBUTES: [&str; 2] = ["maxPwdAge", "lockoutDuration"];

    /// The policy in the attributes of the domain's object.
    pub(super) fn of(given: &Given) -> Self {
        let [password_age, lockout] = Self::ATTRIBUTES.map(|name| given.number(name).ok().map(span));
        Self { password_age, lockout }
    }
}

/// The account of which `given` tells.
pub(super) fn account(directory: &str, given: &Given, policy: Policy, now: Timestamp) -> Account {
    let control = given.number("userAccountControl");
    let locked = control.clone().and_then(|control| locked(given, control, policy, now));
    let since = match given.number("lockoutTime").map(moment) {
        Ok(Moment::At(at)) if locked == Ok(true) => Some(at),
        _ => None,
    };
    Account {
        directory: directory.to_owned(),
        sign_in: given.text("sAMAccountName").to_owned(),
        asked_at: now,
        locked: locked.into(),
        locked_at: since,
        disabled: control.clone().map(|control| control & DISABLED != 0).into(),
        account_ends: given.number("accountExpires").map(|count| ends(moment(count))).into(),
        must_change: control.clone().and_then(|control| must_change(given, control)).into(),
        password_ends: control.and_then(|control| password_ends(given, control, policy, now)).into(),
        machines: machines(given),
    }
}

/// When an account ends, for which 0 is never.
fn ends(moment: Moment) -> Option<Timestamp> {
    match moment {
        Moment::At(at) => Some(at),
        Moment::Zero | Moment::Never => None,
    }
}

fn locked(given: &Given, control: i64, policy: Policy, now: Timestamp) -> Result<bool, Unknown> {
    if control & TRUST != 0 {
        return Ok(false);
    }
    let hidden = match given.number(COMPUTED) {
        Ok(computed) => return Ok(computed & LOCKED != 0),
        Err(hidden) => hidden,
    };
    match (given.number("lockoutTime").map(moment), policy.lockout) {
        (Ok(Moment::Zero), _) => Ok(false),
        (Ok(Moment::At(_) | Moment::Never), Some(Span::Endless)) => Ok(true),
        (Ok(Moment::At(at)), Some(Span::For(lasts))) => Ok(at + lasts > now),
        _ => Err(hidden),
    }
}

fn must_change(given: &Given, control: i64) -> Result<bool, Unknown> {
    if control & ENDLESS != 0 {
        return Ok(false);
    }
    let set = given.number("pwdLastSet");
    set.or_else(|hidden| given.number(EXPIRY).map_err(|_| hidden)).map(|count| count == 0)
}

fn password_ends(given: &Given, control: i64, policy: Policy, now: Timestamp) -> Result<Option<Timestamp>, Unknown> {
    if control & ENDLESS != 0 {
        return Ok(None);
    }
    let hidden = match given.number(EXPIRY).map(moment) {
        // It has to be changed before the next sign-in.
        Ok(Moment::Zero) => return Ok(Some(now)),
        Ok(moment) => return Ok(ends(moment)),
        Err(hidden) => hidden,
    };
    match (moment(given.number("pwdLastSet")?), policy.password_age) {
        (Moment::Zero, _) => Ok(Some(now)),
        (_, Some(Span::Endless)) | (Moment::Never, _) => Ok(None),
        (Moment::At(set), Some(Span::For(age))) => Ok(Some(set + age)),
        (Moment::At(_), None) => Err(hidden),
    }
}

/// Computers that the directory says are somebody's: those that they manage, and those that they may sign in at.
fn machines(given: &Given) -> Vec<String> {
    let managed = given.all("managedObjects").iter().filter_map(|name| {
        let first = name.split(',').next()?;
        Some(first.split_once('=')?.1.trim().to_owned())
    });
    let listed = given.text("userWorkstations").split(',').map(|name| name.trim().to_owned());
    managed.chain(listed).filter(|name| !name.is_empty()).take(MACHINES).collect()
}

impl<T> From<Result<T, Unknown>> for Answer<T> {
    fn from(answer: Result<T, Unknown>) -> Self {
        match answer {
            Ok(known) => Self::Known(known),
            Err(unknown) => Self::Unknown(unknown),
        }
    }
}

#[cfg(test)]
mod tests;
