use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use bpaf::Bpaf;
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{Diagnosis, Snapshot};
use serde::Serialize;

use super::local::Local;
use super::{print, print_json};
use crate::config::Config;
use crate::state::{self, StateDir};

pub(super) const EXAMPLES: &str = "Examples:
   firstline-agent diagnose
   firstline-agent diagnose --symptom \"no internet\"
   firstline-agent diagnose --save diagnosis.json
   firstline-agent diagnose --json";

/// Reads this machine, and says in plain words what is wrong, why, what to do, and what was ruled out.
#[derive(Debug, Clone, Bpaf)]
#[bpaf(generate(options))]
pub(super) struct Diagnose {
    /// What the person at the machine says
    #[bpaf(argument("TEXT"))]
    symptom: Option<String>,
    /// Print the document
    json: bool,
    /// Write a file that a collector can import into a ticket; signed when this machine is enrolled
    #[bpaf(argument("FILE"))]
    save: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document {
    snapshot: Snapshot,
    diagnosis: Diagnosis,
}

impl Diagnose {
    pub(super) async fn execute(self, config: &Config, state: &StateDir) -> Result<()> {
        let snapshot = Local::new(config, state).snapshot().await?;
        let catalogue = Catalogue::builtin();
        let diagnosis = firstline_diagnosis::diagnose(&catalogue, &snapshot, self.symptom.as_deref());
        let document = Document { snapshot, diagnosis };
        if let Some(path) = &self.save {
            let bytes = serde_json::to_vec_pretty(&document)?;
            state::replace(path, &bytes).with_context(|| format!("writing the diagnosis to {}", path.display()))?;
        }
        if self.json {
            return print_json(&document);
        }
        let mut out = std::io::stdout().lock();
        print::diagnosis(&mut out, &document.diagnosis)?;
        if let Err(closed) = state.check_readable() {
            writeln!(out, "\nNote: only what can be seen now was judged, since {closed:#}.")?;
        } else if document.snapshot.series.is_empty() {
            writeln!(out, "\nNote: no agent has recorded this machine yet, so only what can be seen now was judged.")?;
        }
        if let Some(path) = &self.save {
            writeln!(out, "\nSaved to {}.", path.display())?;
        }
        Ok(())
    }
}
