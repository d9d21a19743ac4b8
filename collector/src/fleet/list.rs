//! Pages of endpoints: searched, filtered, sorted, and continued from a key, so that a page costs the same wherever
//! it lies and does not shift when endpoints come and go.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firstline_diagnosis::document::{Endpoint, EndpointList, EndpointState};
use serde::Deserialize;

use super::row::{Known, select};
use super::{Fleet, FleetError, json};
use crate::store::sql;

/// Endpoints of a page when nobody says.
const PAGE: u32 = 50;

/// The most endpoints of a page.
const PAGE_MAX: u32 = 500;

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By name, a to z.
    #[default]
    Name,
    /// Last heard from first.
    LastSeen,
    /// Worst finding first.
    Severity,
}

/// Which endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Part of the name, id, a user's name, or a tag.
    pub search: Option<String>,
    /// Only these.
    pub state: Option<EndpointState>,
    /// Only those with this tag: `site`, or `site=berlin`.
    pub tag: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// `next` of the page before.
    pub after: Option<String>,
    /// At most so many, up to 500; 50 when absent.
    pub limit: Option<u32>,
}

/// Pages by a number, highest first, then by id.
macro_rules! by_number {
    ($column:literal) => {
        select!(
            "WHERE ($1 = '' OR LOWER(name || ' ' || id || ' ' || users || ' ' || tags) LIKE $1 ESCAPE '!')
             AND merged_into IS NULL AND (state = $2 OR ($2 = '' AND left_at_ms IS NULL))
             AND ($6 = '' OR LOWER(tags) LIKE $6 ESCAPE '!')
             AND ($3 = '' OR COALESCE(",
            $column,
            ", 0) < $4 OR (COALESCE(",
            $column,
            ", 0) = $4 AND id > $3)) ORDER BY COALESCE(",
            $column,
            ", 0) DESC, id LIMIT $5"
        )
    };
}

const BY_NAME: &str = select!(
    "WHERE ($1 = '' OR LOWER(name || ' ' || id || ' ' || users || ' ' || tags) LIKE $1 ESCAPE '!')
     AND merged_into IS NULL AND (state = $2 OR ($2 = '' AND left_at_ms IS NULL))
     AND ($6 = '' OR LOWER(tags) LIKE $6 ESCAPE '!')
     AND ($3 = '' OR name > $4 OR (name = $4 AND id > $3))
     ORDER BY name, id LIMIT $5"
);
const BY_LAST_SEEN: &str = by_number!("last_seen_ms");
const BY_SEVERITY: &str = by_number!("worst_severity");

/// Names that are told to stand for several endpoints, at most.
const SHARED_MAX: i64 = 2_000;

const SHARED_NAMES: &str = "SELECT LOWER(name) FROM endpoints WHERE left_at_ms IS NULL AND merged_into IS NULL
    GROUP BY LOWER(name) HAVING COUNT(*) > 1 LIMIT $1";

const OF_INCIDENT: &str =
    select!("WHERE id IN (SELECT endpoint_id FROM incident_members WHERE incident_id = $1) ORDER BY name, id LIMIT $2");

/// Where a page ended: the value it is sorted by, and the id.
struct Place {
    value: String,
    id: String,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, value) = std::str::from_utf8(&bytes).ok()?.split_once('\n')?;
        Some(Self { value: value.to_owned(), id: id.to_owned() })
    }

    fn print(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.id, self.value))
    }
}

impl Fleet {
    /// A page of endpoints. A place that cannot be read starts from the beginning.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, query: ListQuery) -> Result<EndpointList, FleetError> {
        let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let after = query.after.as_deref().and_then(Place::read);
        let (id, value) = after.map_or_else(Default::default, |place| (place.id, place.value));
        let page = match query.sort {
            Sort::Name => sql::query(BY_NAME),
            Sort::LastSeen => sql::query(BY_LAST_SEEN),
            Sort::Severity => sql::query(BY_SEVERITY),
        };
        let page = page
            .bind(sql::containing(query.search.as_deref().unwrap_or_default()))
            .bind(query.state.map_or("", EndpointState::name))
            .bind(id);
        let page = match query.sort {
            Sort::Name => page.bind(value),
            Sort::LastSeen | Sort::Severity => page.bind(value.parse::<i64>().unwrap_or(0)),
        };
        let page =
            page.bind(i64::from(limit) + 1).bind(sql::containing(&tagged(query.tag.as_deref().unwrap_or_default())));
        let mut rows = page.fetch_all(self.shared.store.reads()).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| place(row, query.sort)).transpose()?;
        let known = rows.iter().map(Known::read).collect::<Result<Vec<_>, _>>()?;
        let endpoints = known.into_iter().map(|one| self.seen(one)).collect();
        Ok(EndpointList { endpoints, next: next.map(|place| place.print()) })
    }

    /// Names that several endpoints have, in small letters.
    ///
    /// # Errors
    /// The database's.
    pub async fn shared_names(&self) -> Result<BTreeSet<String>, FleetError> {
        let names: Vec<(String,)> =
            sql::query_as(SHARED_NAMES).bind(SHARED_MAX).fetch_all(self.shared.store.reads()).await?;
        Ok(names.into_iter().map(|(name,)| name).collect())
    }

    /// The endpoints of an incident (by id) as they are now, at most 500.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_incident(&self, incident: &str) -> Result<Vec<Endpoint>, FleetError> {
        let query = sql::query(OF_INCIDENT).bind(incident).bind(i64::from(PAGE_MAX));
        let rows = query.fetch_all(self.shared.store.reads()).await?;
        let known = rows.iter().map(Known::read).collect::<Result<Vec<_>, _>>()?;
        Ok(known.into_iter().map(|one| self.seen(one)).collect())
    }

    /// How many endpoints are in each state.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self) -> Result<Vec<(EndpointState, u64)>, FleetError> {
        let rows: Vec<(String, i64)> =
            sql::query_as("SELECT state, COUNT(*) FROM endpoints GROUP BY state ORDER BY state")
                .fetch_all(self.shared.store.reads())
                .await?;
        Ok(rows.into_iter().map(|(state, count)| (super::state::named(&state), count.unsigned_abs())).collect())
    }
}

/// What stands in the JSON of tags that have this one: `"site":"berlin"`, or `"site":` with any value. Quotes in values are
/// escaped there, so that no value looks like a tag.
fn tagged(tag: &str) -> String {
    match tag.trim().split_once('=') {
        _ if tag.trim().is_empty() => String::new(),
        Some((name, value)) => format!("{}:{}", json(&name.trim()), json(&value.trim())),
        None => format!("{}:", json(&tag.trim())),
    }
}

/// The place after `row`.
fn place(row: &sql::Row, sort: Sort) -> Result<Place, sql::Error> {
    let value = match sort {
        Sort::Name => row.try_get("name")?,
        Sort::LastSeen => row.try_get::<Option<i64>>("last_seen_ms")?.unwrap_or(0).to_string(),
        Sort::Severity => row.try_get::<i64>("worst_severity")?.to_string(),
    };
    Ok(Place { value, id: row.try_get("id")? })
}
