//! The services that people notice when they do not run: one state each, and how often they had to be started again.
//!
//! A service that is not installed, or switched off, is not told. One that does not run because nobody needs it just now
//! (it starts when asked, or its condition does not hold, or its work is done) is `idle`; one that should run with the
//! machine and does not is `stopped`. Sound runs as a service of a person's session; whether it
//! does is told by its processes (`process/clients.rs`).

mod list;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::service::plain_name;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static STATES: Spec = Spec {
    name: "watch-list",
    section: Section::Software,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 3,
    waits: true,
    heavy: false,
    signals: &["endpoint.service.state"],
};

static RESTARTS: Spec = Spec {
    name: "watch-list-restarts",
    section: Section::Software,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(10),
    priority: 5,
    waits: true,
    heavy: false,
    signals: &["endpoint.service.restarts"],
};

/// At most this many are told: an administrator's pattern may match more than was meant.
const UNITS_MAX: usize = 64;
/// How it comes about that a service does not run is asked again after so many minutes.
const ORIGIN_MINUTES: u32 = 15;

/// A service as the manager lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its name, with what it was started for.
    pub(crate) name: String,
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating` or `maintenance`.
    pub(crate) active: String,
    /// The same in the words of its kind: `auto-restart`.
    pub(crate) sub: String,
    /// Where more can be asked.
    pub(crate) path: String,
}

/// Why a service would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `enabled`, `disabled`, `static`, ...
    pub(crate) enabled: String,
    /// A socket, a name, a path or a clock starts it.
    pub(crate) is_triggered: bool,
    /// Whether what it asks of the machine held when it was last to be started.
    pub(crate) condition_held: bool,
    /// Whether it was ever to be started.
    pub(crate) was_checked: bool,
    /// `oneshot` does something and is over.
    pub(crate) kind: String,
}

impl Origin {
    fn runs_with_the_machine(&self) -> bool {
        let enabled = ["enabled", "enabled-runtime", "generated"].contains(&self.enabled.as_str());
        let refused = self.was_checked && !self.condition_held;
        enabled && !self.is_triggered && !refused && self.kind != "oneshot"
    }
}

/// What a service does, the worst first: of several that are made from one template the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Failed,
    Stopped,
    Restarting,
    Stopping,
    Starting,
    Running,
    Idle,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Idle => "idle",
        }
    }

    /// `origin` is asked only of those that do not run.
    fn of(unit: &Unit, origin: impl FnOnce() -> Result<Origin, ProbeError>) -> Result<Self, ProbeError> {
        // `auto-restart`, `dead-before-auto-restart` and others like them, in any state.
        if unit.sub.contains("auto-restart") {
            return Ok(Self::Restarting);
        }
        Ok(match unit.active.as_str() {
            "failed" => Self::Failed,
            "activating" => Self::Starting,
            "deactivating" => Self::Stopping,
            "inactive" if origin()?.runs_with_the_machine() => Self::Stopped,
            "inactive" => Self::Idle,
            _ => Self::Running,
        })
    }
}

/// The names that are watched for on this machine: ours, and those that its administrator added.
fn names(cx: &Context) -> Vec<String> {
    let added = cx.settings.borrow().watched_services.clone();
    list::SERVICES.iter().map(|name| format!("{name}.service")).chain(added).collect()
}

/// Tells what each service does.
#[derive(Default)]
pub(crate) struct States {
    origins: Mutex<HashMap<String, (u32, Origin)>>,
}

impl Probe for States {
    fn spec(&self) -> &'static Spec {
        &STATES
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let units = native::units_named(&cx.root, &names(cx))?;
        let mut gather = Gather::new(cx);
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.retain(|name, _| units.iter().any(|unit| unit.name == *name));
        enter(&mut gather, &units, |unit| origin(&mut origins, unit, |path| native::unit_origin(&cx.root, path)));
        Ok(gather.done())
    }
}

/// What is kept for a while: it changes when somebody installs or sets up something.
fn origin(
    kept: &mut HashMap<String, (u32, Origin)>,
    unit: &Unit,
    ask: impl FnOnce(&str) -> Result<Origin, ProbeError>,
) -> Result<Origin, ProbeError> {
    if let Some((minutes, origin)) = kept.get_mut(&unit.name)
        && *minutes > 0
    {
        *minutes -= 1;
        return Ok(origin.clone());
    }
    let origin = ask(&unit.path)?;
    kept.insert(unit.name.clone(), (ORIGIN_MINUTES, origin.clone()));
    Ok(origin)
}

fn enter(gather: &mut Gather, units: &[Unit], mut origin: impl FnMut(&Unit) -> Result<Origin, ProbeError>) {
    let mut states: BTreeMap<String, Result<State, ProbeError>> = BTreeMap::new();
    for unit in units.iter().take(UNITS_MAX) {
        let Some(name) = plain_name(&unit.name) else { continue };
        let state = State::of(unit, || origin(unit));
        match (states.get_mut(&name), state) {
            (Some(Ok(worst)), Ok(state)) => *worst = state.min(*worst),
            (Some(Ok(_)), Err(_)) => {}
            (_, state) => drop(states.insert(name, state)),
        }
    }
    for (name, state) in &states {
        let state = state.clone().map(State::name);
        gather.outcome("endpoint.service.state", [("service", name.as_str())], state);
    }
    if states.is_empty() {
        gather.unknown("endpoint.service.state", [], ProbeError::NotPresent("service that is watched for"));
    }
}

/// Tells how often each service was started again.
#[derive(Default)]
pub(crate) struct Restarts;

impl Probe for Restarts {
    fn spec(&self) -> &'static Spec {
        &RESTARTS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let units = native::units_named(&cx.root, &names(cx))?;
        let mut restarts: BTreeMap<String, Result<u32, ProbeError>> = BTreeMap::new();
        for unit in units.iter().take(UNITS_MAX) {
            let Some(name) = plain_name(&unit.name) else { continue };
            let of_this = native::unit_restarts(&cx.root, &unit.path);
            let so_far = restarts.remove(&name).unwrap_or(Ok(0));
            restarts.insert(name, so_far.and_then(|so_far| of_this.map(|more| so_far.saturating_add(more))));
        }
        let mut gather = Gather::new(cx);
        for (name, restarts) in &restarts {
            gather.outcome("endpoint.service.restarts", [("service", name.as_str())], restarts.clone().map(f64::from));
        }
        if restarts.is_empty() {
            gather.unknown("endpoint.service.restarts", [], ProbeError::NotPresent("service that is watched for"));
        }
        Ok(gather.done())
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn unit(name: &str, active: &str, sub: &str) -> Unit {
        Unit { name: name.to_owned(), active: active.to_owned(), sub: sub.to_owned(), path: String::new() }
    }

    fn daemon() -> Origin {
        Origin {
            enabled: "enabled".to_owned(),
            is_triggered: false,
            condition_held: true,
            was_checked: true,
            kind: "notify".to_owned(),
        }
    }

    fn told(units: &[Unit], origin: impl Fn(&Unit) -> Result<Origin, ProbeError>) -> Vec<String> {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        let mut gather = Gather::new(&cx);
        enter(&mut gather, units, origin);
        let words = |reading: &firstline_diagnosis::vocabulary::Reading| match &reading.outcome {
            Ok(Value::Text(state)) => state.clone(),
            other => format!("{other:?}"),
        };
        let name = |reading: &firstline_diagnosis::vocabulary::Reading| {
            reading.series.attributes.get("service").unwrap_or_default().to_owned()
        };
        gather.done().readings.iter().map(|reading| format!("{} {}", name(reading), words(reading))).collect()
    }

    #[test]
    fn what_runs_is_not_asked_why() {
        let units = [
            unit("NetworkManager.service", "active", "running"),
            unit("a.service", "activating", "auto-restart"),
            unit("b.service", "activating", "start"),
            unit("c.service", "failed", "failed"),
            unit("d.service", "deactivating", "stop-sigterm"),
            unit("e.service", "reloading", "reload"),
        ];
        let told = told(&units, |unit| panic!("{} was asked", unit.name));
        let expected = [
            "NetworkManager.service running",
            "a.service restarting",
            "b.service starting",
            "c.service failed",
            "d.service stopping",
            "e.service running",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_should_run_and_does_not_is_stopped_and_what_waits_to_be_asked_is_idle() {
        let state = |origin: Origin| told(&[unit("cups.service", "inactive", "dead")], |_| Ok(origin.clone()));
        assert_eq!(state(daemon()), ["cups.service stopped"]);
        for origin in [
            Origin { enabled: "disabled".to_owned(), ..daemon() },
            Origin { enabled: "static".to_owned(), ..daemon() },
            Origin { is_triggered: true, ..daemon() },
            Origin { condition_held: false, ..daemon() },
            Origin { kind: "oneshot".to_owned(), ..daemon() },
        ] {
            assert_eq!(state(origin.clone()), ["cups.service idle"], "{origin:?}");
        }
        let never_tried = Origin { condition_held: false, was_checked: false, ..daemon() };
        assert_eq!(state(never_tried), ["cups.service stopped"]);
    }

    #[test]
    fn of_several_made_from_one_template_the_worst_counts_and_none_is_named_by_what_it_is_for() {
        let units = [
            unit("wg-quick@home.service", "active", "exited"),
            unit("wg-quick@acme-office.service", "failed", "failed"),
        ];
        assert_eq!(told(&units, |_| Ok(daemon())), ["wg-quick@.service failed"]);
    }

    #[test]
    fn a_service_that_cannot_be_asked_is_unknown_and_none_at_all_is_an_answer() {
        let refused = told(&[unit("cups.service", "inactive", "dead")], |_| Err(ProbeError::Timeout("systemd".into())));
        assert!(refused[0].contains("Timeout"), "{refused:?}");
        assert!(told(&[], |_| Ok(daemon()))[0].contains("NotPresent"));
    }

    #[test]
    fn why_a_service_does_not_run_is_asked_once_in_a_while() {
        let (mut kept, mut asked) = (HashMap::new(), 0);
        for _ in 0..=ORIGIN_MINUTES {
            let _ = origin(&mut kept, &unit("cups.service", "inactive", "dead"), |_| {
                asked += 1;
                Ok(daemon())
            });
        }
        assert_eq!(asked, 1);
        let _ = origin(&mut kept, &unit("cups.service", "inactive", "dead"), |_| {
            asked += 1;
            Ok(daemon())
        });
        assert_eq!(asked, 2);
    }
}
