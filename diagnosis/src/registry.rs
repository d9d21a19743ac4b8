//! The registry of signals: what an agent may send, and what every number means.
//!
//! The data is `catalogue/signals/`, a file for each area, compiled and embedded. Everything that is not declared there is refused where it enters
//! ([`Registry::admit`]): by the agent before it leaves the machine, by the collector before it is stored. The same rows
//! give the units on screens, the support matrix of the documentation and the page that tells people what is read
//! about their machine and why.

mod admit;
#[cfg(test)]
mod builtin;
mod compiled;
mod load;
mod matrix;
mod signal;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use admit::{Admit, Refused};
pub(crate) use compiled::BYTES as COMPILED;
pub use signal::{Aggregate, Area, Privacy, SignalKind, SignalSpec, Source, Sources, Tier, ValueType};

use crate::catalogue::LoadErrors;

/// Attributes that describe an instance but do not tell two apart: a mount point has one file system type and one role.
const FACETS: [&str; 3] = ["type", "role", "endpoint.nic.kind"];

/// Every declared signal.
#[derive(Debug, Clone)]
pub struct Registry {
    signals: BTreeMap<String, SignalSpec>,
}

impl Registry {
    /// The registry of this version.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Registry> = OnceLock::new();
        BUILTIN.get_or_init(|| Self { signals: compiled::signals() })
    }

    /// Reads a registry from TOML text; `file` is named in errors.
    ///
    /// # Errors
    /// Every fault found, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, LoadErrors> {
        load::files(&[(file, text)]).map(|signals| Self { signals })
    }

    /// The declaration of `signal`.
    pub fn get(&self, signal: &str) -> Option<&SignalSpec> {
        self.signals.get(signal)
    }

    /// All declarations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &SignalSpec> {
        self.signals.values()
    }

    /// The declared name that looks most like `name`, when one does.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        crate::spelling::nearest(name, self.signals.keys().map(String::as_str))
    }

    /// A few declared names that share a word with `name`, the most alike first: for whoever leaves out where a name begins.
    pub fn akin(&self, name: &str) -> Vec<&str> {
        crate::spelling::akin(name, self.signals.keys().map(String::as_str))
    }

    /// Which signals are read on which system, and from where, as a Markdown table.
    pub fn support_matrix(&self) -> String {
        matrix::markdown(self)
    }

    /// Admits a reading or an event, or says why not.
    ///
    /// # Errors
    /// The signal, an attribute, a field or the type of a value is not declared.
    pub fn admit(&self, what: &impl Admit) -> Result<(), Refused> {
        what.admitted_by(self)
    }
}

/// Whether `attribute` only describes an instance that other attributes already name.
pub(crate) fn is_facet(attribute: &str) -> bool {
    FACETS.contains(&attribute)
}

#[cfg(test)]
mod tests;
