use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::print_json;
use crate::privacy::{Entry, HOUR, Ledger};
use crate::state::StateDir;

#[derive(Serialize)]
struct Document {
    sent: Vec<Entry>,
}

/// Lists what left this machine.
pub(super) fn sent(state: &StateDir, json: bool) -> Result<()> {
    state.check_readable()?;
    let sent = Ledger::at(state.path("ledger")).with_hour(state.scratch_file(HOUR)).read();
    if json {
        return print_json(&Document { sent });
    }
    let mut out = std::io::stdout().lock();
    if sent.is_empty() {
        if !state.is_there() {
            writeln!(out, "There is no state directory {}: no agent has used it.", state.root().display())?;
        }
        writeln!(out, "Nothing has left this machine.")?;
    }
    for entry in &sent {
        writeln!(out, "{}", entry.words())?;
    }
    writeln!(out, "What is collected and why: `firstline-agent sent --collected`.")?;
    Ok(())
}
