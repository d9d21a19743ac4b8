//! The files of the corpus: what a machine shows, and what must come of it. `tests/fixtures/findings/README.md` tells
//! their form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firstline_diagnosis::registry::{Registry, ValueType};
use firstline_diagnosis::vocabulary::{Mark, Value, Why};
use serde::Deserialize;

use super::corpus::files::{entries, fixtures, read};
use super::corpus::quantity::{quantity, span_ms};
use super::corpus::written::{Happens, Shown};

/// One file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// Which check it is about; filled in from the folder.
    #[serde(skip)]
    pub(crate) check: String,
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// Another file of the folder that this one is laid over.
    like: Option<String>,
    os: Option<String>,
    /// How long it lasts.
    #[serde(rename = "for")]
    lasts: Option<String>,
    /// Between two samples, and two judgements.
    step: Option<String>,
    /// With `fires`: which severity.
    pub(crate) severity: Option<String>,
    /// With `fires`: what the two texts must say, above all the numbers.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// The guard that excuses it.
    pub(crate) guard: Option<String>,
    /// What the guard makes of it, when there is a finding all the same: `info`, `partly`.
    pub(crate) effect: Option<String>,
    #[serde(default)]
    pub(crate) shows: BTreeMap<String, Course>,
    #[serde(default)]
    pub(crate) happens: Vec<Happens>,
    #[serde(default)]
    pub(crate) marks: Vec<Turn>,
    /// Signals that cannot be read, and why.
    #[serde(default)]
    pub(crate) absent: BTreeMap<String, Why>,
}

/// What a series shows over time.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Course {
    /// All the time.
    Always(Shown),
    /// One value after the other, the last until the end.
    Every { every: String, values: Vec<Shown> },
    /// Stretches; between them there is nothing.
    Stretches(Vec<Stretch>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stretch {
    from: Option<String>,
    to: Option<String>,
    is: Shown,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    pub(crate) at: String,
    pub(crate) mark: Mark,
}

impl Story {
    pub(crate) fn os(&self) -> &str {
        self.os.as_deref().unwrap_or("linux")
    }

    pub(crate) fn lasts_ms(&self) -> i64 {
        self.lasts.as_deref().map_or(45 * 60_000, span_ms)
    }

    pub(crate) fn step_ms(&self) -> i64 {
        self.step.as_deref().map_or(60_000, span_ms)
    }

    /// `disk-space-low/fires`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.check, self.name)
    }

    /// What this file says, laid over what another says.
    fn over(mut self, base: Self) -> Self {
        let shows = base.shows.into_iter().filter(|(series, _)| !self.absent.contains_key(signal(series)));
        for (series, course) in shows.collect::<Vec<_>>() {
            self.shows.entry(series).or_insert(course);
        }
        // A series that shows `"gone"` is not there at all.
        self.shows.retain(|_, course| !matches!(course, Course::Always(Shown::Text(text)) if text == "gone"));
        for (signal, why) in base.absent {
            self.absent.entry(signal).or_insert(why);
        }
        if self.happens.is_empty() {
            self.happens = base.happens;
        }
        if self.marks.is_empty() {
            self.marks = base.marks;
        }
        self.os = self.os.or(base.os);
        self.lasts = self.lasts.or(base.lasts);
        self.step = self.step.or(base.step);
        self
    }
}

/// The signal of a printed series.
pub(crate) fn signal(series: &str) -> &str {
    series.split('{').next().unwrap_or(series)
}

impl Course {
    /// What is shown so long after the beginning.
    pub(crate) fn at(&self, series: &str, ms: i64) -> Option<Value> {
        let shown = match self {
            Self::Always(shown) => Some(shown),
            Self::Every { every, values } => {
                let index = usize::try_from(ms / span_ms(every)).unwrap_or(0);
                values.get(index.min(values.len() - 1))
            }
            Self::Stretches(stretches) => stretches.iter().find(|one| one.holds(ms)).map(|one| &one.is),
        };
        shown.map(|shown| value(shown, series))
    }
}

impl Stretch {
    fn holds(&self, ms: i64) -> bool {
        self.from.as_deref().map_or(0, span_ms) <= ms && self.to.as_deref().is_none_or(|to| ms < span_ms(to))
    }
}

/// In the unit of the series.
fn value(shown: &Shown, series: &str) -> Value {
    let name = signal(series);
    let spec = Registry::builtin().get(name).unwrap_or_else(|| panic!("{name} is not declared"));
    match (shown, spec.value) {
        (Shown::Text(text), ValueType::Number) => Value::from(quantity(text)),
        _ => shown.plain(),
    }
}

/// Every file of the corpus, in order of its path.
pub(crate) fn corpus() -> Vec<Story> {
    let folders = entries(&fixtures("findings")).into_values().filter(|path| path.is_dir());
    folders.flat_map(|folder| stories(&folder)).collect()
}

fn stories(folder: &Path) -> Vec<Story> {
    let check = folder.file_name().expect("a name").to_string_lossy();
    let story =
        |(name, path): (String, PathBuf)| (name.clone(), Story { check: check.to_string(), name, ..read(&path) });
    let files: BTreeMap<String, Story> = entries(folder).into_iter().map(story).collect();
    let laid = |story: &Story| match &story.like {
        Some(like) => {
            let base = files.get(like).unwrap_or_else(|| panic!("{}: there is no {like}", story.path()));
            assert!(base.like.is_none(), "{}: {like} is itself laid over another", story.path());
            story.clone().over(base.clone())
        }
        None => story.clone(),
    };
    files.values().map(laid).collect()
}
