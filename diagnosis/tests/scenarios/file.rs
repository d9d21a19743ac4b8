//! The files of the corpus: what a day is like, and what must come of it. `docs/scenarios.md` tells their form.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::corpus::files::{entries, fixtures, read};
use super::corpus::written::{Happens, Shown};

/// What series show, by their printed form.
pub(crate) type Layer = BTreeMap<String, Shown>;

/// A day of a machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// The day in a few words, for the table.
    pub(crate) title: String,
    pub(crate) machine: String,
    /// Where the noise comes from.
    pub(crate) seed: u64,
    /// The date on which it begins.
    #[serde(default = "ordinary_day")]
    pub(crate) date: String,
    /// When it ends, counted as in `hours`.
    #[serde(default = "midnight")]
    pub(crate) ends: String,
    /// From each time on, what the machine is doing and where: names of layers, or `asleep`, `off`, `dead`.
    pub(crate) hours: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) layers: BTreeMap<String, Layer>,
    #[serde(default)]
    pub(crate) happens: Vec<Happens>,
    /// What was told days before, by age.
    #[serde(default)]
    pub(crate) earlier: BTreeMap<String, BTreeMap<String, Shown>>,
    #[serde(default)]
    pub(crate) finds: Vec<Finds>,
    #[serde(default)]
    pub(crate) tickets: Vec<Ticket>,
    /// Checks that may fire as well, since they say the same in other words.
    #[serde(default)]
    pub(crate) along: Vec<String>,
    /// What a reader of the table must know about a miss or a false alarm.
    #[serde(default)]
    pub(crate) remark: String,
}

/// A finding that must become active.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finds {
    pub(crate) check: String,
    pub(crate) from: String,
    pub(crate) until: String,
    /// When it must be over again.
    pub(crate) over: Option<String>,
}

/// What somebody writes, and what the answer must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    pub(crate) at: String,
    pub(crate) says: String,
    /// The check that is the primary finding; none when nothing is wrong.
    pub(crate) primary: Option<String>,
}

/// A kind of machine that days happen to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    pub(crate) os: String,
    pub(crate) battery: Option<Battery>,
    /// How long it has been up when the day begins.
    pub(crate) uptime: String,
    /// What it shows whenever it is awake.
    pub(crate) shows: Layer,
    /// What it tells after each boot.
    #[serde(default)]
    pub(crate) boot: Layer,
    /// What a layer is on this machine beside what it is on every other.
    #[serde(default)]
    pub(crate) layers: BTreeMap<String, Layer>,
}

/// A battery whose charge follows from what goes in and out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Battery {
    pub(crate) id: String,
    /// What it holds, in watt hours.
    pub(crate) holds: f64,
    /// Its charge when the day begins.
    pub(crate) starts: f64,
}

fn ordinary_day() -> String {
    "2026-03-10".to_owned()
}

fn midnight() -> String {
    "24:00".to_owned()
}

/// Everything that the corpus holds.
pub(crate) struct Corpus {
    pub(crate) days: Vec<Scenario>,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) layers: BTreeMap<String, Layer>,
}

impl Corpus {
    pub(crate) fn read() -> Self {
        let root = fixtures("scenarios");
        let days = entries(&root.join("days")).into_iter().map(|(name, path)| Scenario { name, ..read(&path) });
        let machines = entries(&root.join("machines")).into_iter().map(|(name, path)| (name, read(&path)));
        Self { days: days.collect(), machines: machines.collect(), layers: read(&root.join("layers.toml")) }
    }

    /// The machine of a day.
    pub(crate) fn machine(&self, day: &Scenario) -> &Machine {
        self.machines.get(&day.machine).unwrap_or_else(|| panic!("{}: there is no machine {}", day.name, day.machine))
    }

    /// What goes by the name of a layer, in the order in which it is laid: everybody's, the machine's, the day's own.
    pub(crate) fn layers<'a>(&'a self, day: &'a Scenario, name: &str) -> Vec<&'a Layer> {
        let places = [&self.layers, &self.machine(day).layers, &day.layers];
        let found: Vec<&Layer> = places.into_iter().filter_map(|layers| layers.get(name)).collect();
        assert!(!found.is_empty(), "{}: there is no layer {name}", day.name);
        found
    }
}
