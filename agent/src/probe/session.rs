//! Who has a session, by keyed name, and how it is: active, locked, idle in coarse steps, remote. And how long starting
//! the machine and signing in took.
//!
//! Idle time is told in four steps and no finer: it must not serve to watch people at work.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::Section;

use super::process::Programs;
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SESSIONS: Spec = Spec {
    name: "sessions",
    section: Section::Identity,
    tier: Tier::Minute,
    deadline: Duration::from_secs(6),
    priority: 3,
    waits: true,
    heavy: false,
    signals: &[
        "endpoint.session.active",
        "endpoint.session.locked",
        "endpoint.session.remote",
        "endpoint.session.idle",
        "endpoint.login.duration",
        "endpoint.profile.temporary",
    ],
};

static STARTS: Spec = Spec {
    name: "boot-duration",
    section: Section::Identity,
    tier: Tier::Change,
    deadline: Duration::from_secs(6),
    priority: 5,
    waits: true,
    heavy: false,
    signals: &["endpoint.boot.duration"],
};

static PASSWORDS: Spec = Spec {
    name: "passwords",
    section: Section::Trust,
    tier: Tier::Demand,
    deadline: Duration::from_secs(10),
    priority: 7,
    waits: false,
    heavy: true,
    signals: &["endpoint.user.password_expires_in", "endpoint.user.locked"],
};

/// Programs whose start is the moment when a person can begin.
const SHELLS: [&str; 10] = [
    "gnome-shell",
    "plasmashell",
    "xfce4-panel",
    "cinnamon",
    "mate-panel",
    "lxqt-panel",
    "budgie-panel",
    "sway",
    "Hyprland",
    "weston",
];
/// A shell that started longer after the sign-in was started again.
const LONGEST_LOGIN_SECONDS: f64 = 1800.0;

/// A session of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) uid: u32,
    /// The sign-in name; told as a keyed hash only.
    pub(crate) user: String,
    pub(crate) is_active: Option<bool>,
    pub(crate) is_locked: Option<bool>,
    pub(crate) is_remote: Option<bool>,
    pub(crate) is_graphical: bool,
    /// Since when nothing was typed or moved, milliseconds since 1970; absent while something is.
    pub(crate) idle_since_ms: Option<u64>,
    /// When it began, milliseconds since 1970.
    pub(crate) began_ms: Option<u64>,
}

/// Asks for sessions.
pub(crate) struct Sessions {
    programs: Programs,
}

impl Sessions {
    /// With the programs, to see when a desktop was there.
    pub(crate) fn new(programs: Programs) -> Self {
        Self { programs }
    }
}

impl Probe for Sessions {
    fn spec(&self) -> &'static Spec {
        &SESSIONS
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        // Who keeps records of sessions as files says there whether it is worth asking.
        if native::people(&cx.root).is_ok_and(|people| people.is_empty()) {
            return Err(ProbeError::NotPresent("session of a person"));
        }
        let sessions = native::sessions(&cx.root)?;
        let mut by_user: BTreeMap<&str, Vec<&Session>> = BTreeMap::new();
        for session in &sessions {
            by_user.entry(&session.user).or_default().push(session);
        }
        if by_user.is_empty() {
            return Err(ProbeError::NotPresent("session of a person"));
        }
        let mut gather = Gather::new(cx);
        for (user, sessions) in by_user {
            self.tell(cx, &mut gather, user, &sessions);
        }
        Ok(gather.done())
    }
}

impl Sessions {
    /// A person's sessions are told as one: the one in front, else any.
    fn tell(&self, cx: &Context, gather: &mut Gather, user: &str, sessions: &[&Session]) {
        let name = pseudonym(cx, user);
        let attributes = || [("user", name.as_str())];
        let Some(front) = sessions.iter().find(|one| one.is_active == Some(true)).or(sessions.first()) else { return };
        let unsaid = ProbeError::Unsupported("this of a session");
        gather.outcome("endpoint.session.active", attributes(), front.is_active.ok_or(unsaid.clone()));
        gather.outcome("endpoint.session.remote", attributes(), front.is_remote.ok_or(unsaid.clone()));
        // Only a desktop can be locked.
        let locked =
            front.is_locked.filter(|_| front.is_graphical).ok_or(ProbeError::NotPresent("lock of this session"));
        gather.outcome("endpoint.session.locked", attributes(), locked);
        gather.value("endpoint.session.idle", attributes(), idle(front.idle_since_ms, cx.clock.now()));
        if let Some(seconds) = self.login_seconds(cx, front) {
            gather.value("endpoint.login.duration", attributes(), seconds);
        } else {
            gather.unknown("endpoint.login.duration", attributes(), ProbeError::NotPresent("desktop of this session"));
        }
        gather.outcome("endpoint.profile.temporary", attributes(), native::home_missing(&cx.root, user));
    }

    /// From the sign-in to the first of the person's desktop programs.
    fn login_seconds(&self, cx: &Context, session: &Session) -> Option<f64> {
        let began = session.began_ms.filter(|_| session.is_graphical)? as f64 / 1000.0;
        let boot = native::boot_seconds(&cx.root).ok()? as f64;
        let starts = self.programs.starts(|program| SHELLS.contains(&program));
        let own = starts.into_iter().filter(|(pid, _)| native::process_user(&cx.root, *pid) == Some(session.uid));
        let after = own.map(|(_, ticks)| boot + ticks as f64 / native::TICKS_PER_SECOND - began);
        // The boot time is in whole seconds, so a quick desktop may seem to start before its session.
        let after = after.filter(|seconds| (-2.0..LONGEST_LOGIN_SECONDS).contains(seconds));
        after.min_by(f64::total_cmp).map(|seconds| seconds.max(0.0))
    }
}

fn pseudonym(cx: &Context, user: &str) -> String {
    cx.pseudonyms.name("user", &user.to_lowercase())
}

/// Idle time in steps. A system says that somebody is idle only after minutes; until then nothing is known of the first.
fn idle(since_ms: Option<u64>, now: Timestamp) -> &'static str {
    let Some(since) = since_ms.and_then(|ms| i64::try_from(ms).ok()) else { return "not_idle" };
    match now.since(Timestamp(since)).as_secs() / 60 {
        0 => "under_1_min",
        1..5 => "1_to_5_min",
        5..30 => "5_to_30_min",
        _ => "over_30_min",
    }
}

/// Asks how long the boot took; the answer holds until the next one.
#[derive(Default)]
pub(crate) struct Starts {
    known: Mutex<Option<Vec<(&'static str, f64)>>>,
}

impl Probe for Starts {
    fn spec(&self) -> &'static Spec {
        &STARTS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let phases = match known.as_ref() {
            Some(phases) => phases.clone(),
            None => known.insert(native::boot_phases(&cx.root)?).clone(),
        };
        let mut gather = Gather::new(cx);
        for (phase, seconds) in phases {
            gather.value("endpoint.boot.duration", [("phase", phase)], seconds);
        }
        Ok(gather.done())
    }
}

/// Asks when the passwords of those signed in expire, and whether their accounts are locked, for a ticket only.
pub(crate) struct Passwords;

impl Probe for Passwords {
    fn spec(&self) -> &'static Spec {
        &PASSWORDS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let people = native::people(&cx.root)?;
        if people.is_empty() {
            return Err(ProbeError::NotPresent("session of a person"));
        }
        let mut gather = Gather::new(cx);
        for user in people.iter().take(4) {
            let name = pseudonym(cx, user);
            let expires = native::password_expires(&cx.root, user).and_then(|at| {
                let at = at.ok_or(ProbeError::NotPresent("end of this password"))?;
                Ok(Timestamp::from_unix_seconds(at).seconds_since(cx.clock.now()).max(0.0))
            });
            gather.outcome("endpoint.user.password_expires_in", [("user", name.as_str())], expires);
            let now = u64::try_from(cx.clock.now().unix_ms() / 1000).unwrap_or(0);
            let locked = native::is_locked_out(&cx.root, user, now);
            gather.outcome("endpoint.user.locked", [("user", name.as_str())], locked);
        }
        Ok(gather.done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_told_in_steps_only() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let said = |seconds: u64| idle(Some((1_000_000 - seconds) * 1000), now);
        assert_eq!(idle(None, now), "not_idle");
        assert_eq!(
            [said(3), said(61), said(299), said(300), said(1799), said(99_999)].map(str::to_owned),
            ["under_1_min", "1_to_5_min", "1_to_5_min", "5_to_30_min", "5_to_30_min", "over_30_min"]
        );
    }
}
