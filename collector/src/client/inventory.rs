use std::fmt::Write as _;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Series};

use super::Out;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::moment::Moment;
use super::table::Table;
use crate::api::inventory::InventoryReport;
use crate::console::units;
use crate::history::Item;

/// What somebody wants to know.
pub(super) struct Wish {
    pub(super) at: Option<Moment>,
    pub(super) since: Option<Moment>,
    pub(super) search: Option<String>,
    pub(super) group: Option<String>,
}

pub(super) async fn follow(connection: &Connection, endpoint: &str, wish: Wish, out: Out) -> Result<(), Failure> {
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.0.to_string());
    let fields =
        [("at", moment(wish.at)), ("since", moment(wish.since)), ("search", wish.search), ("group", wish.group)];
    let query: Vec<(&str, &str)> = fields.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let path = format!("/endpoints/{}/inventory", part(endpoint));
    let report: InventoryReport = connection.get(&path, &query).await?;
    out.print(&report, || print(&report))
}

fn print(report: &InventoryReport) -> String {
    let (mut text, at) = (String::new(), report.inventory.at);
    if let Some(since) = report.since {
        let _ = writeln!(text, "Changed from {since} to {at}:\n{}\n", changes(&report.changes).trim_end());
    }
    let mut table = Table::new(["group", "what", "which", "value", "since"]);
    for item in &report.inventory.items {
        let since = item.since.map_or_else(String::new, |at| at.to_string());
        table.row([item.group.name().to_owned(), item.label.clone(), instance(&item.attrs), value(item), since]);
    }
    let _ = write!(text, "As of {at}:\n{}", table.print("Nothing is known, or nothing matches.\n"));
    let programs = &report.inventory.programs;
    let _ = match programs.read_at {
        Some(at) => writeln!(text, "Programs as listed at {at}, with what was told of installations and removals."),
        None => writeln!(text, "No list of programs: {}.", programs.why),
    };
    let from = report.inventory.known_from;
    if from > at {
        let _ = writeln!(text, "Changes are known from {from} on; this is how it was then.");
    }
    text
}

fn changes(changes: &[Change]) -> String {
    let mut table = Table::new(["when", "what", "which", "from", "to"]);
    for change in changes {
        let spec = Registry::builtin().get(&change.kind);
        let series: Option<Series> = change.reference.parse().ok();
        let told = |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |text| units::told(text, spec));
        table.row([
            change.at.to_string(),
            spec.map_or_else(|| change.kind.clone(), |spec| spec.label.clone()),
            series.map(|series| instance(&series.attributes)).unwrap_or_default(),
            told(&change.from),
            told(&change.to),
        ]);
    }
    table.print("Nothing.")
}

fn value(item: &Item) -> String {
    match (&item.value, item.why) {
        (Some(value), _) => units::value(value, &item.unit),
        (None, Some(why)) => format!("unknown: {}", why.words()),
        (None, None) => "unknown".to_owned(),
    }
}

fn instance(attributes: &Attributes) -> String {
    match (attributes.get("package.name"), attributes.get("package.manager")) {
        (Some(name), Some(manager)) => format!("{name} ({manager})"),
        _ => attributes.iter().map(|(_, value)| value).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_from_what_changed_to_what_there_is() {
        let report: InventoryReport = serde_json::from_str(
            r#"{"at":"2026-11-22T12:00:00Z","known_from":"2026-11-01T00:00:00Z","since":"2026-11-20T00:00:00Z",
            "programs":{"read_at":null,"why":"none was pulled"},
            "items":[{"group":"hardware","label":"Memory","ref":"system.memory.limit","signal":"system.memory.limit",
              "attrs":{},"value":17179869184.0,"unit":"By","since":"2026-11-21T08:00:00Z"}],
            "changes":[{"ref":"system.memory.limit","kind":"system.memory.limit","at":"2026-11-21T08:00:00Z",
              "from":"8589934592","to":"17179869184"}]}"#,
        )
        .expect("a report");
        let text = print(&report);
        assert!(text.starts_with("Changed from 2026-11-20T00:00:00Z to 2026-11-22T12:00:00Z:\nWHEN"), "{text}");
        assert!(text.contains("8 GiB") && text.contains("16 GiB"), "{text}");
        assert!(text.ends_with("No list of programs: none was pulled.\n"), "{text}");
    }
}
