//! The catalogue: every check, what people say when something is wrong, and which finding explains which.
//!
//! All of it is data in `catalogue/`, compiled and embedded. Administrators add and override in files of their own
//! ([`Catalogue::with_overlay`]); a bad file is refused whole, with file, line and reason, and nothing of it takes force.
//! For that the files are embedded as they are written as well, in a program that lays anything over them.

mod build;
mod builtin;
mod check;
mod compiled;
mod edges;
mod error;
pub(crate) mod method;
mod orders;
mod raw;
mod symptom;
mod written;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use check::{Check, Coverage};
pub(crate) use edges::{Edge, Overlap};
pub(crate) use error::line_of;
pub use error::{LoadError, LoadErrors};
pub use orders::OrderError;
pub(crate) use raw::Effect;
pub use symptom::Symptom;
pub use written::{Written, WrittenInput, WrittenRule};

use crate::change::COMPILED as COMPILED_CHANGES;
use crate::detector::Names;
use crate::order::Arrange as _;
use crate::registry::{COMPILED as COMPILED_SIGNALS, Registry};
use crate::window::Sources;

/// What this version knows.
#[derive(Debug, Clone)]
pub struct Catalogue {
    version: String,
    checks: Vec<Check>,
    symptoms: Vec<Symptom>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) sources: Arc<Sources>,
    /// Names of instances that endpoints have.
    pub(crate) names: Arc<Names>,
}

impl Catalogue {
    /// The catalogue of this version.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: OnceLock<Arc<Catalogue>> = OnceLock::new();
        Arc::clone(BUILTIN.get_or_init(|| {
            let entries = compiled::entries();
            let built = Self::build(Registry::builtin(), &entries, Self::builtin_version());
            Arc::new(built.unwrap_or_else(|errors| panic!("the embedded catalogue is tested to load: {errors}")))
        }))
    }

    /// [`Self::version`] of [`Self::builtin`], which need not be loaded for it.
    pub fn builtin_version() -> String {
        version(&[])
    }

    /// The embedded catalogue with an administrator's files laid over it: (file name, text) each. A check or symptom
    /// whose id exists replaces the fields it names (`enabled = false` takes a check out); any other is added and must be
    /// complete. Edges are added.
    ///
    /// # Errors
    /// Every fault found, with file and line; nothing of the files takes force.
    pub fn with_overlay(files: &[(String, String)]) -> Result<Self, LoadErrors> {
        let overlay: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let entries = raw::Entries::parse(&[builtin::FILES, &overlay].concat())?;
        Self::build(Registry::builtin(), &entries, version(&overlay))
    }

    /// The tags of the endpoints that an administrator's file is for (`[only_for]`), each with the values that will do;
    /// empty: all endpoints.
    ///
    /// # Errors
    /// When the file is not of the catalogue's form.
    pub fn only_for(name: &str, text: &str) -> Result<BTreeMap<String, Vec<String>>, LoadErrors> {
        let file: raw::RawFile = toml::from_str(text).map_err(|error| LoadErrors::from_toml(name, text, &error))?;
        Ok(file.only_for.into_iter().map(|(tag, values)| (tag, values.into_vec())).collect())
    }

    /// The checks of these ids alone, as they would be with an administrator's files laid over the embedded catalogue: what a
    /// rehearsal judges. Without symptoms, and nothing explains anything.
    ///
    /// # Errors
    /// As [`Self::with_overlay`].
    pub fn rehearsed(files: &[(String, String)], ids: &[String]) -> Result<Self, LoadErrors> {
        Self::with_overlay(files)?;
        let overlay: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let mut entries = raw::Entries::parse(&[builtin::FILES, &overlay].concat())?;
        entries.checks.retain(|id, _| ids.contains(id));
        entries.symptoms.clear();
        entries.edges.clear();
        Self::build(Registry::builtin(), &entries, version(&overlay))
    }

    /// A catalogue of these files alone.
    #[cfg(test)]
    pub(crate) fn load(registry: &Registry, files: &[(&str, &str)]) -> Result<Self, LoadErrors> {
        Self::build(registry, &raw::Entries::parse(files)?, version(files))
    }

    fn build(registry: &Registry, entries: &raw::Entries, version: String) -> Result<Self, LoadErrors> {
        let mut errors = Vec::new();
        let mut sources = build::Sources::default();
        let mut checks = Vec::new();
        let tables = entries.tables(&mut errors);
        let known: Vec<&str> = entries.checks.keys().map(String::as_str).collect();
        for entry in entries.checks.values() {
            match build::check((registry, &tables), entry, &known, &mut sources) {
                Ok(check) if entry.enabled => checks.push(check),
                Ok(_) => {}
                Err(more) => errors.extend(more),
            }
        }
        let edges = edges::edges((registry, &tables), &entries.edges, &known, &mut sources, &mut errors);
        let symptoms = entries.symptoms.iter().map(|entry| symptom_of(entry, &known, &mut errors)).collect();
        if !errors.is_empty() {
            errors.arrange();
            return Err(LoadErrors(errors));
        }
        Ok(Self { version, checks, symptoms, edges, sources: Arc::new(Sources::new(sources.0)), names: Arc::default() })
    }

    /// Version of the crate and a short hash over all that the files say, and another where symptoms are in an order of their own:
    /// the same version gives the same findings.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same, for detectors that forget nothing.
    #[cfg(test)]
    pub(crate) fn endless(&self) -> Self {
        Self { sources: Arc::new(self.sources.endless()), ..self.clone() }
    }

    /// Every check, by id.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// One check.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Signals that checks read, and how far back the longest window over each looks. A signal may come several times.
    pub fn windows(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.sources.windows()
    }

    /// What people say, in the order of the file.
    pub fn symptoms(&self) -> &[Symptom] {
        &self.symptoms
    }

    /// The symptom that a ticket's text, a label or an id means.
    pub fn symptom(&self, text: &str) -> Option<&Symptom> {
        symptom::matched(&self.symptoms, text)
    }
}

fn symptom_of(entry: &raw::SymptomEntry, known: &[&str], errors: &mut Vec<LoadError>) -> Symptom {
    for id in &entry.candidates {
        edges::exists(id, known, errors);
    }
    Symptom {
        id: entry.id.value.clone(),
        label: entry.label.clone(),
        words: entry.words.clone(),
        candidates: entry.candidates.iter().map(|id| id.value.clone()).collect(),
        later: entry.later.clone(),
        rule_out: entry.rule_out.clone(),
    }
}

/// `0.1.0+1a2b3c4d`: of what is embedded, and of these files over it.
fn version(overlay: &[(&str, &str)]) -> String {
    let overlay = overlay.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
    let mut hash = Sha256::new();
    let embedded = [compiled::BYTES, COMPILED_SIGNALS, COMPILED_CHANGES];
    for part in embedded.into_iter().chain(overlay) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{}+{}", env!("CARGO_PKG_VERSION"), letters(hash))
}

/// The first eight letters of a hash.
fn letters(hash: Sha256) -> String {
    let mut letters = String::new();
    for byte in &hash.finalize()[..4] {
        let _ = write!(letters, "{byte:02x}");
    }
    letters
}

#[cfg(test)]
mod tests;
