use std::collections::BTreeMap;

use firstline_diagnosis::document::Os;
use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Reading, Value};
use firstline_proto::convert::Machine;

/// What the identity readings say of the machine that `users` are signed in to.
pub fn machine<'a>(readings: impl IntoIterator<Item = &'a Reading>, users: Vec<String>) -> Machine {
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    for reading in readings {
        if let Ok(Value::Text(text)) = &reading.outcome {
            texts.entry(&reading.series.signal).or_insert(text);
        }
    }
    let text = |signal: &str| texts.get(signal).copied().unwrap_or_default().to_owned();
    let os_type = Some(text("os.type")).filter(|name| !name.is_empty()).unwrap_or_else(|| built_for().to_owned());
    let hash = Some(text("host.id")).filter(|hash| !hash.is_empty());
    Machine {
        host_name: text("host.name").chars().take(255).collect(),
        os: Os { os_type, name: text("os.name"), version: text("os.version"), build_id: text("os.build_id") },
        users,
        hardware: order::map(hash.map(|hash| ("machine_id_hash".to_owned(), hash))),
    }
}

/// OpenTelemetry's name of the system that this program was built for.
fn built_for() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The kernel's name for this boot; `unknown` when the system does not say.
pub fn boot_id<'a>(readings: impl IntoIterator<Item = &'a Reading>) -> String {
    let named = readings.into_iter().find(|reading| &*reading.series.signal == "endpoint.boot.id");
    match named.map(|reading| &reading.outcome) {
        Some(Ok(Value::Text(text))) if !text.is_empty() => text.chars().take(64).collect(),
        _ => "unknown".to_owned(),
    }
}
