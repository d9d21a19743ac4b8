use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use firstline_diagnosis::document::{EndpointState, SnapshotReading};
use firstline_diagnosis::registry::{Area, Registry};
use firstline_diagnosis::texts::event_words;
use firstline_diagnosis::vocabulary::{Event, Mark, Timestamp};
use serde::Deserialize;

use super::charts::{self, ChartView};
use super::chrome::{Chrome, When, page};
use super::endpoints::EndpointView;
use super::finding::{DiagnosisView, instance_words};
use super::forecast;
use super::remote::{Way, ways};
use super::span::{Span, SpanQuery, SpanView};
use super::tags::TagView;
use super::units;
use crate::access::Roles;
use crate::access::gate::Caller;
use crate::api::departures::{decommission_as, merge_as};
use crate::api::endpoints::read;
use crate::api::extract::{Posted, Search};
use crate::api::problem::Fault;
use crate::app::App;
use crate::change::ChangeList;
use crate::fleet::Duplicate;
use crate::history;

/// Lines of the timeline at most.
const TIMELINE_MAX: usize = 60;

#[derive(Template)]
#[template(path = "endpoint.html")]
struct EndpointPage {
    chrome: Chrome,
    endpoint: EndpointView,
    kin: Vec<KinView>,
    works: bool,
    /// Ways onto it.
    ways: Vec<Way>,
    tags: Vec<TagView>,
    /// Whether this person may set and remove tags.
    tagging: bool,
    /// The earlier endpoint of this machine, when an administrator may merge it.
    earlier: Option<EarlierView>,
    administers: bool,
    diagnosis: DiagnosisView,
    charts: Vec<ChartView>,
    span: Span,
    spans: Vec<SpanView>,
    areas: Vec<AreaView>,
    timeline: Vec<Happened>,
}

/// Another endpoint that this one has to do with.
struct KinView {
    id: String,
    words: String,
}

/// An earlier endpoint of the same machine.
struct EarlierView {
    id: String,
    name: String,
    alike: String,
    seen: Option<When>,
}

impl EarlierView {
    fn new(pair: Duplicate, now: Timestamp) -> Self {
        let Duplicate { earlier, alike, .. } = pair;
        Self {
            id: earlier.id,
            name: earlier.name,
            alike: alike.join(" and "),
            seen: earlier.last_seen.map(|at| When::new(at, now)),
        }
    }
}

struct AreaView {
    name: &'static str,
    /// How many of its readings have no value.
    unknown: usize,
    readings: Vec<ReadingView>,
}

struct ReadingView {
    label: String,
    purpose: String,
    instance: String,
    value: String,
    unknown: bool,
    at: When,
    /// What is looked through when somebody looks for a reading: lower case.
    text: String,
}

/// Something that happened or changed.
pub(super) struct Happened {
    pub(super) at: When,
    pub(super) text: String,
}

/// `GET /endpoints/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Search(query): Search<SpanQuery>,
) -> Result<Response, Fault> {
    let endpoint = app.fleet.with_kin(read(&app, &caller, &id, "page").await?).await?;
    let now = app.clock.now();
    let diagnosis = app.changes.diagnose(&endpoint.id, None, None).await?;
    let readings = app.history.latest(&endpoint.id).await?;
    let week_ago = now - std::time::Duration::from_hours(7 * 24);
    let happened = app.history.happened(&endpoint.id, week_ago).await?;
    let changes = app.changes.between(&endpoint.id, Some(week_ago), now).await?;
    let administers = caller.may(Roles::ADMINISTER);
    let pairs = if administers { app.fleet.duplicates().await? } else { Vec::new() };
    let earlier = pairs.into_iter().find(|pair| pair.endpoint.id == endpoint.id);
    let catalogue = app.detect.catalogues().current();
    let title = |check: &str| catalogue.check(check).map_or_else(|| check.to_owned(), |check| check.title.clone());
    let mut view = DiagnosisView::new(&diagnosis, now, title);
    forecast::illustrate(&app, &endpoint.id, &diagnosis, &mut view).await?;
    page(&EndpointPage {
        chrome: Chrome::new(endpoint.name.clone(), "endpoints", &caller),
        kin: endpoint.related.iter().map(|one| KinView { id: one.id.clone(), words: one.words() }).collect(),
        works: caller.may(Roles::WORK),
        ways: ways(&readings, &endpoint.name),
        tags: TagView::all(&app.fleet.tags(&endpoint.id).await?),
        tagging: caller.may(Roles::OPERATE),
        administers: administers && endpoint.state != EndpointState::Revoked,
        earlier: earlier.map(|pair| EarlierView::new(pair, now)),
        diagnosis: view,
        charts: charts::views(),
        span: query.span,
        spans: query.span.views(),
        areas: areas(&readings, now),
        timeline: timeline(happened, &changes, now),
        endpoint: EndpointView::new(&endpoint, now),
    })
}

/// What the form of a merger sends.
#[derive(Deserialize)]
pub(super) struct MergeForm {
    earlier: String,
}

/// `POST /endpoints/{id}/merge`.
pub(super) async fn merge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(form): Posted<MergeForm>,
) -> Result<Response, Fault> {
    let endpoint = merge_as(&app, &caller, &form.earlier, &id).await?;
    Ok(Redirect::to(&format!("/endpoints/{}", endpoint.id)).into_response())
}

/// What the form of a departure sends.
#[derive(Deserialize)]
pub(super) struct DepartureForm {
    forget: Option<String>,
}

/// `POST /endpoints/{id}/decommission`.
pub(super) async fn decommission(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(form): Posted<DepartureForm>,
) -> Result<Response, Fault> {
    decommission_as(&app, &caller, &id, form.forget.is_some()).await?;
    Ok(Redirect::to("/endpoints").into_response())
}

/// Everything that happened, newest first, and what changed that means anything.
fn timeline(happened: history::Happened, changes: &ChangeList, now: Timestamp) -> Vec<Happened> {
    let mut all: Vec<(Timestamp, String)> = Vec::new();
    let is_change = |event: &Event| event.series.signal.starts_with("endpoint.software.change");
    all.extend(happened.events.iter().filter(|event| !is_change(event)).map(|event| (event.at, event_words(event))));
    all.extend(changes.changes.iter().map(|change| (change.at, change.words.clone())));
    all.extend(happened.marks.into_iter().map(|(at, mark)| {
        let known = Mark::ALL.into_iter().find(|known| known.name() == mark);
        (at, known.map_or(mark, |known| known.words().to_owned()))
    }));
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.truncate(TIMELINE_MAX);
    all.into_iter().map(|(at, text)| Happened { at: When::new(at, now), text }).collect()
}

/// Readings by area, in the registry's order of areas, sorted by label.
fn areas(readings: &[SnapshotReading], now: Timestamp) -> Vec<AreaView> {
    let mut sorted: BTreeMap<usize, Vec<ReadingView>> = BTreeMap::new();
    for reading in readings {
        let Some(spec) = Registry::builtin().get(&reading.signal) else { continue };
        let place = Area::ALL.iter().position(|area| *area == spec.area).unwrap_or_default();
        let (instance, value) = (instance_words(&reading.attrs), words(reading));
        sorted.entry(place).or_default().push(ReadingView {
            text: format!("{} {instance} {value} {}", spec.label, spec.name).to_lowercase(),
            label: spec.label.clone(),
            purpose: spec.purpose.clone(),
            instance,
            value,
            unknown: reading.value.is_none(),
            at: When::new(reading.at, now),
        });
    }
    let view = |(place, mut readings): (usize, Vec<ReadingView>)| {
        readings.sort_by(|one, other| (&one.label, &one.instance).cmp(&(&other.label, &other.instance)));
        let unknown = readings.iter().filter(|reading| reading.unknown).count();
        AreaView { name: heading(Area::ALL[place]), unknown, readings }
    };
    sorted.into_iter().map(view).collect()
}

fn heading(area: Area) -> &'static str {
    match area {
        Area::Identity => "Identity",
        Area::Performance => "Performance",
        Area::Software => "Software",
        Area::Storage => "Storage",
        Area::Network => "Network",
        Area::Hardware => "Hardware",
        Area::Peripheral => "Peripherals",
        Area::Trust => "Trust and upkeep",
        Area::Agent => "The agent itself",
    }
}

/// The value, or `unknown: ` and the reason.
fn words(reading: &SnapshotReading) -> String {
    match (&reading.value, reading.why) {
        (Some(value), _) => units::value(value, &reading.unit),
        (None, Some(why)) if reading.detail.is_empty() => format!("unknown: {}", why.words()),
        (None, Some(why)) => format!("unknown: {} ({})", why.words(), reading.detail),
        (None, None) => "unknown".to_owned(),
    }
}
