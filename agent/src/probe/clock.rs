//! Who keeps the clock right, and whether they succeed. How far it is off is measured against the collector elsewhere.

use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Timestamp};
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "clock",
    section: Section::Trust,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(6),
    priority: 3,
    waits: true,
    heavy: false,
    signals: &[
        "endpoint.clock.synced",
        "endpoint.clock.max_error",
        "endpoint.clock.sync.source",
        "endpoint.clock.sync.stratum",
        "endpoint.clock.sync.last_success_age",
        "endpoint.clock.timezone",
        "endpoint.clock.utc_offset",
    ],
};

/// How the system's clock is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Discipline {
    /// Whether somebody keeps it right.
    pub(crate) is_synced: bool,
    /// How far it may be off at most; it grows while nobody does.
    pub(crate) max_error_seconds: f64,
}

/// Who keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The service, or `none`.
    pub(crate) service: &'static str,
    /// How many servers stand between the server asked and a true clock.
    pub(crate) stratum: Option<u64>,
    /// When an answer last came, seconds since 1970.
    pub(crate) last_success_seconds: Option<i64>,
}

/// Asks the system and its time service.
pub(crate) struct Clockwork;

impl Probe for Clockwork {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        let discipline = native::clock_discipline(&cx.root);
        gather.outcome("endpoint.clock.synced", Attributes::none(), discipline.clone().map(|kept| kept.is_synced));
        let max_error = discipline.map(|kept| kept.max_error_seconds);
        gather.outcome("endpoint.clock.max_error", Attributes::none(), max_error);
        let source = native::time_source(&cx.root);
        gather.outcome("endpoint.clock.sync.source", Attributes::none(), source.clone().map(|source| source.service));
        let unsaid = |what| ProbeError::Unsupported(what);
        let service = source.and_then(|source| match source.service {
            "none" => Err(ProbeError::NotPresent("time service")),
            _ => Ok(source),
        });
        let stratum =
            service.clone().and_then(|service| service.stratum.ok_or(unsaid("the stratum of this time service")));
        gather.outcome("endpoint.clock.sync.stratum", Attributes::none(), stratum);
        let at = service
            .and_then(|service| service.last_success_seconds.ok_or(unsaid("the last answer to this time service")));
        let age = at.map(|at| cx.clock.now().seconds_since(Timestamp::from_unix_seconds(at)).max(0.0));
        gather.outcome("endpoint.clock.sync.last_success_age", Attributes::none(), age);
        gather.outcome("endpoint.clock.timezone", Attributes::none(), native::time_zone_name(&cx.root));
        let offset = native::utc_offset_seconds(&cx.root, cx.clock.now());
        gather.outcome("endpoint.clock.utc_offset", Attributes::none(), offset.map(f64::from));
        Ok(gather.done())
    }
}
