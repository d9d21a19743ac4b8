//! The root of the collector's authority, and its replacement.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Body;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::fleet::AuthorityStatus;

/// Adds the routes of the authority.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/authority",
            Roles::AUDIT,
            show,
            Told { summary: "The authority's root, and who knows it.", answer: "AuthorityStatus", ..Told::default() },
        )
        .post(
            "/api/v1/authority/rotate",
            Roles::ADMINISTER,
            rotate,
            Told {
                summary: "Make a new root; the present one is trusted until it is retired.",
                answer: "AuthorityStatus",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/authority/retire",
            Roles::ADMINISTER,
            retire,
            Told {
                summary: "End the trust in the root before.",
                body: "Retirement",
                answer: "AuthorityStatus",
                ..Told::default()
            },
        )
}

/// The order to end the trust in the root before.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retirement {
    /// Although endpoints depend on it, which must be enrolled again then.
    pub force: bool,
}

async fn show(State(app): State<Arc<App>>) -> Result<Json<AuthorityStatus>, Problem> {
    Ok(Json(app.fleet.authority_status().await?))
}

async fn rotate(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<AuthorityStatus>, Problem> {
    app.fleet.rotate_authority().await?;
    let status = app.fleet.authority_status().await?;
    app.access.audit().record(Entry::new(&caller.actor(), "authority.rotate", &status.root.sha256)).await?;
    Ok(Json(status))
}

async fn retire(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(order): Body<Retirement>,
) -> Result<Json<AuthorityStatus>, Problem> {
    let before = app.fleet.authority_status().await?;
    app.fleet.retire_authority(order.force).await?;
    let object = before.before.map(|root| root.sha256).unwrap_or_default();
    let detail = format!("{} endpoints depended on it", before.depend);
    app.access.audit().record(Entry::new(&caller.actor(), "authority.retire", &object).detail(detail)).await?;
    Ok(Json(app.fleet.authority_status().await?))
}
