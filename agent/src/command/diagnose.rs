use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use bpaf::Bpaf;
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{Diagnosis, Snapshot};
use firstline_diagnosis::stated::{self, Stated};
use firstline_diagnosis::{Foresight, Question, diagnose_with};
use serde::Serialize;

use super::local::Local;
use super::{print, print_json};
use crate::config::Config;
use crate::state::{self, StateDir};

pub(super) const EXAMPLES: &str = "Examples:
   firstline-agent diagnose
   firstline-agent diagnose --symptom \"no internet\"
   firstline-agent diagnose --symptom \"froze about 10:40\"
   firstline-agent diagnose --around \"yesterday 16:10\"
   firstline-agent diagnose --save diagnosis.json
   firstline-agent diagnose --json";

/// Reads this machine, and says in plain words what is wrong, why, what to do, and what was ruled out.
#[derive(Debug, Clone, Bpaf)]
#[bpaf(generate(options))]
pub(super) struct Diagnose {
    /// What the person at the machine says
    #[bpaf(argument("TEXT"))]
    symptom: Option<String>,
    /// When it was, by the clock on this machine; read out of the symptom's words where they name a time
    #[bpaf(argument("TIME"))]
    around: Option<String>,
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
        let local = Local::new(config, state);
        let around = self.moment(&local)?;
        let snapshot = local.snapshot(around.as_ref().map(|stated| stated.at)).await?;
        let question = Question { symptom: self.symptom.as_deref(), around: around.as_ref(), before: None };
        let diagnosis = diagnose_with(&Catalogue::builtin(), &snapshot, &question, &Foresight::default());
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

    /// When it was: as it was given, else as the symptom's words name it.
    fn moment(&self, local: &Local) -> Result<Option<Stated>> {
        let (now, ahead_seconds) = local.now();
        let ahead_seconds = ahead_seconds.unwrap_or_default();
        match (&self.around, &self.symptom) {
            (Some(time), _) => {
                let at = stated::typed(time, now, ahead_seconds).map_err(|why| anyhow!("--around {time}: {why}"))?;
                Ok(Some(Stated::exactly(at)))
            }
            (None, Some(words)) => Ok(stated::stated(words, now, ahead_seconds)),
            (None, None) => Ok(None),
        }
    }
}
