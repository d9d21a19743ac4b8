//! How likely the candidates of symptoms are, as closed tickets show it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::extract::Search;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::gate::{Doors, Told};
use crate::app::App;
use crate::symptom::SymptomList;

/// Adds the route.
pub(super) fn doors(doors: Doors) -> Doors {
    doors.get(
        "/api/v1/symptoms",
        Roles::LOOK,
        list,
        Told {
            summary: "What people say, what is looked at then and in which order, and the closed tickets that say so.",
            query: &[("symptom", "only this one: its id, its label, or words of a ticket")],
            answer: "SymptomList",
            ..Told::default()
        },
    )
}

/// Which of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    symptom: Option<String>,
}

async fn list(State(app): State<Arc<App>>, Search(which): Search<Which>) -> Result<Json<SymptomList>, Problem> {
    match which.symptom {
        Some(text) => app.symptoms.of(&text).map(Json).ok_or_else(|| Problem::not_found("symptom")),
        None => Ok(Json(app.symptoms.all())),
    }
}
