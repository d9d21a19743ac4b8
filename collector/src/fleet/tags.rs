//! Tags: what endpoints are called together by, in lists, alerts and silences, and where each comes from.
//!
//! A tag comes from the token that an endpoint was enrolled with, from a person, or from a rule of the configuration. A
//! rule's counts before a person's, a person's before a token's; what does not count stays known and comes back when the
//! other goes. What a rule gives, a person cannot take away: the answer names the rule, and what it was that fitted.
//!
//! Rules are held against an endpoint when it connects, when it tells another name, model or network, and against all
//! endpoints when the collector starts or reads its configuration again. `endpoints.tags` is what follows, for readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use firstline_diagnosis::document::Endpoint;
use firstline_diagnosis::vocabulary::{Series, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::rules::{self, Facts, Given};
use super::{Fleet, FleetError, find, json, row};
use crate::config::{TagRule, check_tag};
use crate::feed::FeedItem;
use crate::store::{Connection, StoreError, sql};

/// Tags of an endpoint from people, at most.
const TAGS_MAX: usize = 64;

/// Endpoints that rules are held against at a time.
const AT_A_TIME: i64 = 200;

/// Tags that are offered to who looks for one.
const OFFERED_MAX: i64 = 200;

const ALL: &str = "SELECT key, id FROM endpoints WHERE key > $1 AND revoked_at_ms IS NULL ORDER BY key LIMIT $2";
const WITH_RULES: &str = "SELECT key, id FROM endpoints WHERE key > $1 AND revoked_at_ms IS NULL AND EXISTS
    (SELECT 1 FROM endpoint_tags t WHERE t.endpoint_key = endpoints.key AND t.source = 'rule') ORDER BY key LIMIT $2";

/// What rules look at, of what endpoints tell.
const MANUFACTURER: &str = "device.manufacturer";
const MODEL: &str = "device.model.identifier";
const NETWORK: &str = "endpoint.network.address";

/// Where a tag comes from. The last of several that give one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagSource {
    /// The token that it was enrolled with.
    Token,
    /// Somebody.
    Person,
    /// A rule of the configuration.
    Rule,
}

impl TagSource {
    fn named(word: &str) -> Self {
        match word {
            "rule" => Self::Rule,
            "person" => Self::Person,
            _ => Self::Token,
        }
    }
}

/// A tag of an endpoint, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it comes from.
    pub source: TagSource,
    /// The token's id, the person's name, or the rule's.
    pub origin: String,
    /// What a rule fitted; empty for others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether it counts, or another source gives the same tag.
    pub counts: bool,
}

impl Tag {
    /// Where it comes from, in words.
    pub fn words(&self) -> String {
        match self.source {
            TagSource::Token => "from its enrolment token".to_owned(),
            TagSource::Person => format!("set by {}", self.origin),
            TagSource::Rule => format!("by the rule {:?}, which fits its {}", self.origin, self.why),
        }
    }
}

impl Fleet {
    /// An endpoint's tags, by name, those that count before the others.
    ///
    /// # Errors
    /// The database's.
    pub async fn tags(&self, endpoint_id: &str) -> Result<Vec<Tag>, FleetError> {
        let rows: Vec<Stored> = sql::query_as(
            "SELECT t.name, t.source, t.value, t.origin, t.why, t.at_ms FROM endpoint_tags t
             JOIN endpoints e ON e.key = t.endpoint_key WHERE e.id = $1",
        )
        .bind(endpoint_id)
        .fetch_all(self.shared.store.reads())
        .await?;
        Ok(tags_of(rows))
    }

    /// Sets and removes tags on behalf of somebody.
    ///
    /// # Errors
    /// [`FleetError::Refused`] when something cannot be a tag, a rule gives it, or there is none to remove; else as
    /// [`Fleet::find`].
    pub async fn tag(
        &self,
        id_or_name: &str,
        set: BTreeMap<String, String>,
        remove: Vec<String>,
        who: &str,
    ) -> Result<Endpoint, FleetError> {
        let known = find::find(self.shared.store.reads(), id_or_name).await?;
        let (key, now, who) = (known.key, self.shared.clock.now(), who.to_owned());
        let write = self.shared.store.write(move |tx| {
            Box::pin(async move {
                let stored: Vec<Stored> = sql::query_as(OF_ONE).bind(key).fetch_all(&mut *tx).await?;
                check(&tags_of(stored), &set, &remove).map_err(FleetError::Refused)?;
                for name in remove {
                    sql::query("DELETE FROM endpoint_tags WHERE endpoint_key = $1 AND name = $2")
                        .bind(key)
                        .bind(name)
                        .execute(&mut *tx)
                        .await?;
                }
                for (name, value) in set {
                    let given = Given { name, value, rule: who.clone(), why: String::new() };
                    enter(&mut *tx, key, "person", &given, now).await?;
                }
                Ok::<_, FleetError>(settle(tx, key).await?)
            })
        });
        write.await?;
        self.retagged(&known.endpoint.id);
        self.find(&known.endpoint.id).await
    }

    /// Tags that there are, as `name=value`, for who looks for one.
    ///
    /// # Errors
    /// The database's.
    pub async fn known_tags(&self) -> Result<Vec<String>, FleetError> {
        let rows: Vec<(String, String)> =
            sql::query_as("SELECT DISTINCT name, value FROM endpoint_tags ORDER BY name, value LIMIT $1")
                .bind(OFFERED_MAX)
                .fetch_all(self.shared.store.reads())
                .await?;
        Ok(rows.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    /// Takes other rules into force, and holds every endpoint against them; how many got other tags.
    ///
    /// # Errors
    /// The database's; those that were done stay done.
    pub async fn replace_tag_rules(&self, rules: Vec<TagRule>) -> Result<usize, FleetError> {
        self.shared.rules.store(Arc::new(rules));
        self.tag_all_by_rules().await
    }

    /// Holds every endpoint against the rules; how many got other tags. Idempotent.
    ///
    /// # Errors
    /// The database's; those that were done stay done.
    pub async fn tag_all_by_rules(&self) -> Result<usize, FleetError> {
        let page = if self.shared.rules.load().is_empty() { WITH_RULES } else { ALL };
        let (mut after, mut changed) = (0, 0);
        loop {
            let keys: Vec<(i64, String)> =
                sql::query_as(page).bind(after).bind(AT_A_TIME).fetch_all(self.shared.store.reads()).await?;
            let Some((last, _)) = keys.last() else { return Ok(changed) };
            after = *last;
            for (key, id) in keys {
                changed += usize::from(self.hold_against_rules(key, &id).await?);
            }
        }
    }

    /// Holds an endpoint against the rules when there are any; whether it got other tags.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn tag_by_rules(&self, key: i64, id: &str) -> Result<bool, FleetError> {
        if self.shared.rules.load().is_empty() {
            return Ok(false);
        }
        self.hold_against_rules(key, id).await
    }

    /// An endpoint told states: when rules look at one of them, it is held against them again.
    ///
    /// # Errors
    /// The database's.
    pub async fn states_told(
        &self,
        endpoint_id: &str,
        signals: impl Iterator<Item = &str>,
    ) -> Result<bool, FleetError> {
        let mut signals = signals;
        if self.shared.rules.load().is_empty()
            || !signals.any(|signal| [MANUFACTURER, MODEL, NETWORK].contains(&signal))
        {
            return Ok(false);
        }
        let key = self.known(endpoint_id).await?.key;
        self.hold_against_rules(key, endpoint_id).await
    }

    async fn hold_against_rules(&self, key: i64, id: &str) -> Result<bool, FleetError> {
        let rules = self.shared.rules.load_full();
        let reads = self.shared.store.reads();
        let stored: Vec<Stored> = sql::query_as(OF_ONE).bind(key).fetch_all(reads).await?;
        let before: Vec<Given> = stored.into_iter().filter(|one| one.source == "rule").map(Stored::given).collect();
        let mut given = if rules.is_empty() { Vec::new() } else { rules::tags(&rules, &self.facts(id).await?) };
        given.sort_by(|one, other| one.name.cmp(&other.name));
        if given == before {
            return Ok(false);
        }
        let now = self.shared.clock.now();
        let write = self.shared.store.write(move |tx| {
            Box::pin(async move {
                sql::query("DELETE FROM endpoint_tags WHERE endpoint_key = $1 AND source = 'rule'")
                    .bind(key)
                    .execute(&mut *tx)
                    .await?;
                for given in &given {
                    enter(&mut *tx, key, "rule", given, now).await?;
                }
                Ok::<_, StoreError>(settle(tx, key).await?)
            })
        });
        write.await?;
        self.retagged(id);
        Ok(true)
    }

    async fn facts(&self, id: &str) -> Result<Facts, FleetError> {
        let reads = self.shared.store.reads();
        let known = row::by_id(reads, id).await?;
        let rows: Vec<(String, String)> = sql::query_as(
            "SELECT series, outcome FROM inventory WHERE endpoint_key = $1 AND (series IN ($2, $3) OR series LIKE $4)",
        )
        .bind(known.key)
        .bind(MANUFACTURER)
        .bind(MODEL)
        .bind(format!("{NETWORK}{{%"))
        .fetch_all(reads)
        .await?;
        let mut facts = Facts { host_name: known.endpoint.name, os: known.endpoint.os, ..Facts::default() };
        for (series, outcome) in rows {
            let (Ok(series), Some(text)) = (series.parse::<Series>(), told(&outcome)) else { continue };
            match &*series.signal {
                MANUFACTURER => facts.manufacturer = text,
                MODEL => facts.model = text,
                _ => facts.networks.extend(rules::networks(&text)),
            }
        }
        Ok(facts)
    }

    fn retagged(&self, id: &str) {
        self.shared.feed.publish(FeedItem::Endpoint { id: id.to_owned(), state: None });
    }
}

/// A row of the table.
#[derive(sqlx::FromRow)]
struct Stored {
    name: String,
    source: String,
    value: String,
    origin: String,
    why: String,
    at_ms: i64,
}

const OF_ONE: &str =
    "SELECT name, source, value, origin, why, at_ms FROM endpoint_tags WHERE endpoint_key = $1 ORDER BY name";

impl Stored {
    fn given(self) -> Given {
        Given { name: self.name, value: self.value, rule: self.origin, why: self.why }
    }
}

/// Rows as tags, in order, those that count first of their name.
fn tags_of(rows: Vec<Stored>) -> Vec<Tag> {
    let tag = |row: Stored| Tag {
        source: TagSource::named(&row.source),
        name: row.name,
        value: row.value,
        origin: row.origin,
        why: row.why,
        at: Timestamp(row.at_ms),
        counts: true,
    };
    let mut tags: Vec<Tag> = rows.into_iter().map(tag).collect();
    tags.sort_by(|one, other| (&one.name, other.source).cmp(&(&other.name, one.source)));
    for index in 1..tags.len() {
        tags[index].counts = tags[index].name != tags[index - 1].name;
    }
    tags
}

/// Says why a person's wish cannot be granted.
fn check(tags: &[Tag], set: &BTreeMap<String, String>, remove: &[String]) -> Result<(), String> {
    for (name, value) in set {
        check_tag(name, value)?;
    }
    for name in set.keys().chain(remove) {
        if let Some(tag) = tags.iter().find(|tag| tag.name == *name && tag.source == TagSource::Rule) {
            return Err(format!(
                "the tag {}={} is given {}; change the rule instead",
                tag.name,
                tag.value,
                tag.words()
            ));
        }
    }
    if let Some(name) = remove.iter().find(|name| tags.iter().all(|tag| tag.name != **name)) {
        return Err(format!("there is no tag {name:?} to remove"));
    }
    let people = tags.iter().filter(|tag| tag.source == TagSource::Person && !set.contains_key(&tag.name)).count();
    if people + set.len() > TAGS_MAX {
        return Err(format!("an endpoint has at most {TAGS_MAX} tags from people"));
    }
    Ok(())
}

/// The text that a stored outcome holds.
fn told(outcome: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Outcome {
        value: Value,
    }
    match serde_json::from_str::<Outcome>(outcome).ok()?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

async fn enter(
    tx: &mut Connection,
    key: i64,
    source: &'static str,
    given: &Given,
    now: Timestamp,
) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO endpoint_tags (endpoint_key, name, source, value, origin, why, at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (endpoint_key, name, source)
         DO UPDATE SET value = excluded.value, origin = excluded.origin, why = excluded.why, at_ms = excluded.at_ms",
    )
    .bind(key)
    .bind(&given.name)
    .bind(source)
    .bind(&given.value)
    .bind(&given.rule)
    .bind(&given.why)
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes down what follows from an endpoint's rows.
pub(super) async fn settle(tx: &mut Connection, key: i64) -> Result<(), sql::Error> {
    let stored: Vec<Stored> = sql::query_as(OF_ONE).bind(key).fetch_all(&mut *tx).await?;
    let counting = tags_of(stored).into_iter().filter(|tag| tag.counts);
    let tags: BTreeMap<String, String> = counting.map(|tag| (tag.name, tag.value)).collect();
    sql::query("UPDATE endpoints SET tags = $2 WHERE key = $1").bind(key).bind(json(&tags)).execute(tx).await?;
    Ok(())
}

/// Writes down what the token gave a new endpoint.
///
/// # Errors
/// The database's.
pub(crate) async fn note_token(
    tx: &mut Connection,
    endpoint_id: &str,
    tags: &str,
    token_id: &str,
    now: Timestamp,
) -> Result<(), sql::Error> {
    let tags: BTreeMap<String, String> = serde_json::from_str(tags).unwrap_or_default();
    let key: i64 =
        sql::query_scalar("SELECT key FROM endpoints WHERE id = $1").bind(endpoint_id).fetch_one(&mut *tx).await?;
    for (name, value) in tags {
        let given = Given { name, value, rule: token_id.to_owned(), why: String::new() };
        enter(&mut *tx, key, "token", &given, now).await?;
    }
    Ok(())
}

/// Gives a copy of a machine the tags of the one that it is a copy of.
pub(super) async fn copy(tx: &mut Connection, of: &str, id: &str) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO endpoint_tags (endpoint_key, name, source, value, origin, why, at_ms)
         SELECT copy.key, t.name, t.source, t.value, t.origin, t.why, t.at_ms FROM endpoint_tags t
         JOIN endpoints origin ON origin.key = t.endpoint_key JOIN endpoints copy ON copy.id = $2
         WHERE origin.id = $1",
    )
    .bind(of)
    .bind(id)
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
