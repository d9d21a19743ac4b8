use std::time::Duration;

use serde::Deserialize;

/// What a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A quantity at a moment.
    Gauge,
    /// A total that only grows; a decrease is a reset.
    Counter,
    /// Something that happened at a moment.
    Event,
    /// A state that is sent when it differs and holds until then.
    Inventory,
}

/// The type of a signal's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// A finite number in the signal's unit.
    Number,
    /// Yes or no; 1 and 0 where numbers are wanted.
    Flag,
    /// A word or short text.
    Text,
}

/// How often a signal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Every 15 s.
    Fast,
    /// Every minute.
    Minute,
    /// Every quarter of an hour.
    #[serde(rename = "15min")]
    QuarterHour,
    /// Once a day.
    Daily,
    /// When the system says that it changed.
    Change,
    /// Only for a ticket.
    Demand,
}

impl Tier {
    /// Time between two readings; absent when nothing is due.
    pub fn cadence(self) -> Option<Duration> {
        match self {
            Self::Fast => Some(Duration::from_secs(15)),
            Self::Minute => Some(Duration::from_mins(1)),
            Self::QuarterHour => Some(Duration::from_mins(15)),
            Self::Daily => Some(Duration::from_hours(24)),
            Self::Change | Self::Demand => None,
        }
    }

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "15 s",
            Self::Minute => "1 min",
            Self::QuarterHour => "15 min",
            Self::Daily => "daily",
            Self::Change => "on change",
            Self::Demand => "for a ticket",
        }
    }
}

/// How a step's readings become the one number that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The newest.
    Last,
}

/// What a signal says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// About the machine alone.
    Machine,
    /// Where the machine is on the network.
    Network,
    /// Which software runs.
    Software,
    /// About a person.
    Person,
}

impl Privacy {
    /// Every class, the most personal first.
    pub const ALL: [Self; 4] = [Self::Person, Self::Software, Self::Network, Self::Machine];

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Network => "network",
            Self::Software => "software",
            Self::Person => "person",
        }
    }
}

/// Where a signal belongs on screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// What machine this is.
    Identity,
    /// Processor, memory, pressure.
    Performance,
    /// Processes and services.
    Software,
    /// Disks and file systems.
    Storage,
    /// Links, addresses, names, reachability.
    Network,
    /// Heat, fans, batteries, power, errors of the hardware.
    Hardware,
    /// Printers, sound, cameras, displays, docks, what is plugged in.
    Peripheral,
    /// Clock, certificates, domain, encryption, firewall, updates.
    Trust,
    /// The agent itself.
    Agent,
}

impl Area {
    /// Every area, in the order of screens.
    pub const ALL: [Self; 9] = [
        Self::Performance,
        Self::Storage,
        Self::Network,
        Self::Hardware,
        Self::Software,
        Self::Trust,
        Self::Peripheral,
        Self::Identity,
        Self::Agent,
    ];

    /// The word on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Performance => "performance",
            Self::Software => "software",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Hardware => "hardware",
            Self::Peripheral => "peripheral",
            Self::Trust => "trust",
            Self::Agent => "agent",
        }
    }
}

/// Where a number comes from on one system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// The interface that is read.
    Api(String),
    /// It cannot be read there.
    None {
        /// Why not.
        none: String,
    },
}

/// Where a number comes from on every system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// On Linux.
    pub linux: Source,
    /// On Windows.
    pub windows: Source,
    /// On macOS.
    pub macos: Source,
}

impl Sources {
    /// The source on `os_type` (`linux`, `windows`, `darwin`).
    pub fn on(&self, os_type: &str) -> Option<&Source> {
        match os_type {
            "linux" => Some(&self.linux),
            "windows" => Some(&self.windows),
            "darwin" | "macos" => Some(&self.macos),
            _ => None,
        }
    }

    /// The source on `os_type` in one phrase; `none: why` where there is none.
    pub fn words(&self, os_type: &str) -> String {
        match self.on(os_type) {
            Some(Source::Api(api)) => api.clone(),
            Some(Source::None { none }) => format!("none: {none}"),
            None => String::new(),
        }
    }
}

/// The declaration of one signal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalSpec {
    /// Name, OpenTelemetry's where one exists.
    pub name: String,
    /// What it is.
    pub kind: SignalKind,
    /// Type of its values.
    pub value: ValueType,
    /// UCUM unit; empty for flags and texts.
    pub unit: String,
    /// Attributes that tell its instances apart or describe them. Nothing else may be attached.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// How often it is read.
    pub tier: Tier,
    /// How readings become samples.
    pub aggregate: Aggregate,
    /// What it says about a person.
    pub privacy: Privacy,
    /// Why it is read, in one sentence.
    pub purpose: String,
    /// Its name on screens.
    pub label: String,
    /// Where it belongs on screens.
    pub area: Area,
    /// Whether windows skip it right after boot, resume and change of network.
    #[serde(default)]
    pub settles: bool,
    /// Share of change that is worth telling at once.
    #[serde(default)]
    pub urgent_change: Option<f64>,
    /// Differences smaller than this, in the signal's unit, say nothing: a minute's number is rounded to it.
    #[serde(default)]
    pub resolution: Option<f64>,
    /// It is read and kept on the endpoint, and leaves it only with the snapshot for a ticket.
    #[serde(default)]
    pub for_tickets: bool,
    /// Fields that an event may carry.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Where it comes from.
    pub source: Sources,
}

impl SignalSpec {
    /// Seconds between two readings; absent when nothing is due.
    pub fn cadence_seconds(&self) -> Option<f64> {
        self.tier.cadence().map(|cadence| cadence.as_secs_f64())
    }

    /// Readings that a full window of `window` holds; absent for what is sent on change only.
    pub fn expected_readings(&self, window: Duration) -> Option<f64> {
        self.cadence_seconds().map(|cadence| window.as_secs_f64() / cadence)
    }

    /// Whether the newest value stands until another one comes: inventory, and every text that is no event.
    pub fn is_state(&self) -> bool {
        self.kind == SignalKind::Inventory || (self.value == ValueType::Text && self.kind != SignalKind::Event)
    }

    /// Whether it is told with every sample. What is not is told when it changed, and now and then: of its past, only the
    /// newest value and the changes are known.
    pub fn is_sampled(&self) -> bool {
        !self.is_state() && matches!(self.tier, Tier::Fast | Tier::Minute)
    }

    /// Attributes that tell instances apart.
    pub(crate) fn identity(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str).filter(|name| !super::is_facet(name))
    }
}
