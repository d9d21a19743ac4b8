use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use firstline_diagnosis::document::Change;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Series, Timestamp};
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::finding::instance_words;
use super::units;
use crate::access::gate::Caller;
use crate::api::endpoints::read;
use crate::api::extract::Search;
use crate::api::inventory::{InventoryQuery, report, text_of};
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::history::{Group, Item, ProgramList};

const DAY: Duration = Duration::from_hours(24);

/// How far back changes are told: the word in the address, the words on the screen, and how long that is.
const BACK: [(&str, &str, Duration); 4] = [
    ("24h", "in the day before", DAY),
    ("7d", "in the 7 days before", DAY.saturating_mul(7)),
    ("30d", "in the 30 days before", DAY.saturating_mul(30)),
    ("90d", "in the 90 days before", DAY.saturating_mul(90)),
];

/// Changes of one kind that follow each other within this are one line, when there are at least so many.
const TOGETHER_SECONDS: f64 = 900.0;
const FOLDED_LEAST: usize = 4;

#[derive(Template)]
#[template(path = "inventory.html")]
struct InventoryPage {
    chrome: Chrome,
    id: String,
    name: String,
    at: When,
    /// The moment as the form holds it; empty for now.
    moment: String,
    search: String,
    backs: Vec<BackView>,
    /// How far back, in words.
    back: &'static str,
    changes: Vec<ChangesView>,
    /// How many changes these are.
    count: usize,
    groups: Vec<GroupView>,
    programs: ProgramsView,
    /// Changes before this are not known, when the moment or the stretch is earlier.
    known_from: Option<When>,
    /// Whether the moment itself is before it: then the page shows the earliest that is known.
    is_before: bool,
}

struct BackView {
    word: &'static str,
    words: &'static str,
    is_chosen: bool,
}

struct ChangeView {
    at: When,
    label: String,
    instance: String,
    from: String,
    to: String,
}

/// Changes of one kind that came together: an update is one line, whatever it brought.
struct ChangesView {
    at: When,
    /// `72 programs installed`; empty when there are few, which stand for themselves.
    words: String,
    changes: Vec<ChangeView>,
}

impl ChangesView {
    /// All changes in their order, those of one kind within [`TOGETHER_SECONDS`] in one.
    fn all(changes: &[Change], now: Timestamp) -> Vec<Self> {
        let together = |one: &Change, next: &Change| {
            let apart = one.at.seconds_since(next.at).abs();
            one.kind == next.kind && deed(one) == deed(next) && apart < TOGETHER_SECONDS
        };
        let view = |some: &[Change]| Self {
            at: When::new(some[0].at, now),
            words: if some.len() < FOLDED_LEAST { String::new() } else { words(some) },
            changes: some.iter().map(|change| ChangeView::new(change, now)).collect(),
        };
        changes.chunk_by(together).map(view).collect()
    }
}

/// What became of something.
fn deed(change: &Change) -> &'static str {
    match (change.from.as_deref().unwrap_or_default(), change.to.as_deref().unwrap_or_default()) {
        ("", _) => "appeared",
        (_, "") => "gone",
        _ => "changed",
    }
}

fn words(changes: &[Change]) -> String {
    let (count, deed) = (changes.len(), deed(&changes[0]));
    if changes[0].kind.starts_with("endpoint.software") {
        let deed = match deed {
            "appeared" => "installed",
            "gone" => "removed",
            _ => "updated",
        };
        return format!("{count} programs {deed}");
    }
    let label = Registry::builtin().get(&changes[0].kind).map_or(changes[0].kind.as_str(), |spec| spec.label.as_str());
    format!("{label}: {count} {deed}")
}

struct GroupView {
    name: &'static str,
    heading: &'static str,
    items: Vec<ItemView>,
}

struct ItemView {
    label: String,
    purpose: String,
    instance: String,
    value: String,
    unknown: bool,
    since: Option<When>,
    text: String,
}

struct ProgramsView {
    read_at: Option<When>,
    why: String,
}

/// What the form sends; empty fields mean nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    at: String,
    since: String,
    search: String,
}

/// `GET /endpoints/{id}/inventory`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Search(form): Search<Form>,
) -> Result<Response, Fault> {
    let endpoint = read(&app, &caller, &id, "inventory").await?;
    let now = app.clock.now();
    let at = moment(&form.at)?.unwrap_or(now).min(now);
    let (chosen, back, length) = BACK.into_iter().find(|(word, ..)| *word == form.since).unwrap_or(BACK[1]);
    let query =
        InventoryQuery { at: Some(at), since: Some(at - length), search: Some(form.search.clone()), group: None };
    let found = report(&app, &endpoint.id, query).await?;
    let is_earlier = found.inventory.known_from > at - length;
    page(&InventoryPage {
        chrome: Chrome::new(format!("Inventory of {}", endpoint.name), "endpoints", &caller),
        is_before: found.inventory.known_from > at,
        known_from: is_earlier.then(|| When::new(found.inventory.known_from, now)),
        id: endpoint.id,
        name: endpoint.name,
        at: When::new(at, now),
        moment: form.at,
        search: form.search,
        backs: BACK.into_iter().map(|(word, words, _)| BackView { word, words, is_chosen: word == chosen }).collect(),
        back,
        count: found.changes.len(),
        changes: ChangesView::all(&found.changes, now),
        programs: ProgramsView::new(found.inventory.programs, now),
        groups: groups(&found.inventory.items, now),
    })
}

/// What a field of date and time holds, in UTC.
fn moment(text: &str) -> Result<Option<Timestamp>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let full = if text.len() == "2026-11-22T12:00".len() { format!("{text}:00Z") } else { format!("{text}Z") };
    let read = text.parse().or_else(|_| full.parse());
    read.map(Some)
        .map_err(|_| Problem::invalid(format!("{text:?} is no date and time; write it like 2026-11-22T12:00.")))
}

impl ChangeView {
    fn new(change: &Change, now: Timestamp) -> Self {
        let spec = Registry::builtin().get(&change.kind);
        let series: Option<Series> = change.reference.parse().ok();
        let label = spec.map_or_else(|| change.kind.clone(), |spec| spec.label.clone());
        let (label, instance) = names(label, &series.map_or_else(Attributes::none, |series| series.attributes));
        let told = |text: &Option<String>| text.as_ref().map(|text| units::told(text, spec)).unwrap_or_default();
        Self { at: When::new(change.at, now), label, instance, from: told(&change.from), to: told(&change.to) }
    }
}

impl ProgramsView {
    fn new(programs: ProgramList, now: Timestamp) -> Self {
        Self { read_at: programs.read_at.map(|at| When::new(at, now)), why: programs.why }
    }
}

/// Items by group, in the order of groups.
fn groups(items: &[Item], now: Timestamp) -> Vec<GroupView> {
    let mut sorted: BTreeMap<Group, Vec<ItemView>> = BTreeMap::new();
    for item in items {
        let (label, instance) = names(item.label.clone(), &item.attrs);
        sorted.entry(item.group).or_default().push(ItemView {
            label,
            purpose: Registry::builtin().get(&item.signal).map(|spec| spec.purpose.clone()).unwrap_or_default(),
            instance,
            value: match (&item.value, item.why) {
                (Some(value), _) => units::value(value, &item.unit),
                (None, Some(why)) => format!("unknown: {}", why.words()),
                (None, None) => "unknown".to_owned(),
            },
            unknown: item.value.is_none(),
            since: item.since.map(|at| When::new(at, now)),
            text: text_of(item),
        });
    }
    let view =
        |(group, items): (Group, Vec<ItemView>)| GroupView { name: group.name(), heading: heading(group), items };
    sorted.into_iter().map(view).collect()
}

/// What something is called, and what tells it from others of the name: a program goes by its own name.
fn names(label: String, attributes: &Attributes) -> (String, String) {
    match (attributes.get("package.name"), attributes.get("package.manager")) {
        (Some(name), manager) => (name.to_owned(), manager.unwrap_or_default().to_owned()),
        _ => (label, instance_words(attributes)),
    }
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Software => "Programs and system",
        Group::Driver => "Drivers and firmware",
        Group::Hardware => "Hardware",
        Group::Setting => "Settings",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_what_a_browser_or_a_person_writes() {
        let read = |text: &str| moment(text).ok().flatten().map(|at| at.to_string());
        assert_eq!(read(""), None);
        for text in ["2026-11-22T12:00", "2026-11-22T12:00:00", "2026-11-22T13:00:00+01:00"] {
            assert_eq!(read(text).as_deref(), Some("2026-11-22T12:00:00Z"), "{text}");
        }
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn what_an_update_brought_is_one_line_and_what_stands_alone_is_told() {
        let at = |seconds: i64| Timestamp::from_unix_seconds(1_769_000_000 - seconds);
        let change = |kind: &str, seconds: i64, from: Option<&str>| Change {
            reference: format!("{kind}{{package.name=p{seconds}}}"),
            kind: kind.to_owned(),
            at: at(seconds),
            from: from.map(str::to_owned),
            to: Some("2".to_owned()),
            score: None,
        };
        let mut changes = vec![change("endpoint.firewall.state", 0, Some("1"))];
        changes.extend((1..=6).map(|minute| change("endpoint.software", minute * 60, Some("1"))));
        changes.extend((7..=8).map(|minute| change("endpoint.software", minute * 60, None)));
        let views = ChangesView::all(&changes, at(0));
        let told: Vec<(&str, usize)> = views.iter().map(|view| (view.words.as_str(), view.changes.len())).collect();
        assert_eq!(told, [("", 1), ("6 programs updated", 6), ("", 2)]);
    }
}
