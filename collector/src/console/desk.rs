//! One desk, for whoever sets it up: its words beside those of the configuration, and a trial.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::chrome::{Chrome, page};
use crate::access::gate::Caller;
use crate::api::desks::try_out_as;
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::app::App;
use crate::desk::outbox::OutboxError;
use crate::desk::{DeskView, DeskWords, MapView, MapWord, MappedWord, Trial, TrialOrder};

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    chrome: Chrome,
    view: DeskView,
    /// Why it could not be asked for its words; empty when it could.
    fault: String,
    maps: Vec<MapLine>,
    /// Whether the configuration has words for it.
    mapped: bool,
    /// How the trial went that was just made.
    trial: Option<Trial>,
}

/// A map with what the desk has for it.
struct MapLine {
    map: String,
    words: Vec<WordLine>,
    there: String,
}

struct WordLine {
    ours: String,
    word: String,
    /// Whether the desk has it, in a word; empty when it has not.
    has: &'static str,
}

impl From<MapView> for MapLine {
    fn from(view: MapView) -> Self {
        let there = view.there.iter().map(MapWord::told).collect::<Vec<_>>().join(", ");
        Self { map: view.map, words: view.configured.into_iter().map(WordLine::from).collect(), there }
    }
}

impl From<MappedWord> for WordLine {
    fn from(MappedWord { ours, word, is_there }: MappedWord) -> Self {
        let ours = if ours.is_empty() { "new tickets of".to_owned() } else { ours };
        let has = is_there.map_or("not told", |is_there| if is_there { "yes" } else { "" });
        Self { ours, word, has }
    }
}

/// `GET /desks/{desk}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(desk): Path<String>,
) -> Result<Response, Fault> {
    page(&of(&app, &caller, &desk, None).await?)
}

#[derive(Deserialize)]
pub(super) struct TrialForm {
    ticket: String,
}

/// `POST /desks/{desk}/test`: on the ticket that is named, else on a new one.
pub(super) async fn try_out(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(desk): Path<String>,
    Posted(form): Posted<TrialForm>,
) -> Result<Response, Fault> {
    let ticket = Some(form.ticket.trim().to_owned()).filter(|ticket| !ticket.is_empty());
    let trial = try_out_as(&app, &caller, &desk, &TrialOrder { ticket }).await?;
    page(&of(&app, &caller, &desk, Some(trial)).await?)
}

async fn of(app: &App, caller: &Caller, desk: &str, trial: Option<Trial>) -> Result<DeskPage, Problem> {
    let missing = || Problem::not_found(format!("desk {desk:?}"));
    let view = app.outbox.standing().await?.into_iter().find(|one| one.name == desk).ok_or_else(missing)?;
    let (maps, fault) = match app.outbox.words(desk).await {
        Ok(DeskWords { maps, .. }) => (maps, String::new()),
        Err(OutboxError::Desk(_, trouble)) => (Vec::new(), trouble.said),
        Err(error) => return Err(error.into()),
    };
    let maps: Vec<MapLine> = maps.into_iter().map(MapLine::from).collect();
    Ok(DeskPage {
        mapped: maps.iter().any(|map| !map.words.is_empty()),
        maps,
        chrome: Chrome::new(desk, "tickets", caller),
        view,
        fault,
        trial,
    })
}
