use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use firstline_diagnosis::document::SnapshotReading;
use firstline_diagnosis::registry::{Area, Registry};
use firstline_diagnosis::vocabulary::Value;

use super::local::Local;
use super::print_json;
use crate::config::Config;
use crate::state::StateDir;

/// Shows what a snapshot would send.
pub(super) async fn snapshot(config: &Config, state: &StateDir, json: bool) -> Result<()> {
    let snapshot = Local::new(config, state)?.snapshot().await?;
    if json {
        return print_json(&snapshot);
    }
    let mut out = std::io::stdout().lock();
    let mut areas: BTreeMap<Area, Vec<&SnapshotReading>> = BTreeMap::new();
    for reading in &snapshot.readings {
        if let Some(spec) = Registry::builtin().get(&reading.signal) {
            areas.entry(spec.area).or_default().push(reading);
        }
    }
    for (area, readings) in areas {
        writeln!(out, "{}", area.name())?;
        for reading in readings {
            writeln!(out, "  {}{} = {}", reading.signal, reading.attrs, words(reading))?;
        }
    }
    writeln!(
        out,
        "\nThat is {} readings. A pull also sends {} series of history, {} events and {} changes. Nothing was sent now.",
        snapshot.readings.len(),
        snapshot.series.len(),
        snapshot.events.len(),
        snapshot.changes.len()
    )?;
    Ok(())
}

fn words(reading: &SnapshotReading) -> String {
    match (&reading.value, reading.why) {
        (Some(Value::Number(number)), _) => format!("{number} {}", reading.unit).trim_end().to_owned(),
        (Some(Value::Flag(flag)), _) => if *flag { "yes" } else { "no" }.to_owned(),
        (Some(Value::Text(text)), _) => text.clone(),
        (None, Some(why)) if reading.detail.is_empty() => format!("unknown: {}", why.words()),
        (None, Some(why)) => format!("unknown: {} ({})", why.words(), reading.detail),
        (None, None) => "unknown".to_owned(),
    }
}
