//! The tables of `catalogue/changes/` as they are embedded.

use std::sync::LazyLock;

use serde::Deserialize;

use super::noise::Noise;
use super::relevance::{Relevance, Scoring};
use crate::compact::{self, Table};
use crate::document::Actor;

/// What the files of this version say.
pub(crate) const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/changes.compact"));

/// All tables.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) kinds: Vec<Kind>,
    pub(super) noise: Vec<Noise>,
    pub(super) relevance: Vec<Relevance>,
    pub(super) scoring: Scoring,
}

/// A kind of change.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) signals: Vec<String>,
    pub(super) attribute: Option<String>,
    pub(super) values: Vec<String>,
    pub(super) actor: Actor,
    pub(super) restart: bool,
    pub(super) slow: bool,
    pub(super) reversible: bool,
    pub(super) together: bool,
}

/// What must be so between the old and the new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    SameNetwork,
    SameSet,
    PatchLevel,
    Returns,
}

impl Tables {
    /// The tables of this version.
    pub(super) fn builtin() -> &'static Self {
        static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);
        &TABLES
    }

    fn read() -> Self {
        let mut tables =
            Self { kinds: Vec::new(), noise: Vec::new(), relevance: Vec::new(), scoring: Scoring::default() };
        compact::read(BYTES, |file| {
            tables.kinds.extend(file.tables("kind").map(Kind::read));
            tables.noise.extend(file.tables("noise").map(Noise::read));
            tables.relevance.extend(file.tables("relevance").map(Relevance::read));
            if let Some(table) = file.table("scoring") {
                tables.scoring = Scoring::read(table);
            }
        });
        tables
    }
}

impl Kind {
    fn read(table: &Table<'_>) -> Self {
        let is = |key| table.flag(key).unwrap_or_default();
        Self {
            id: table.text("id").unwrap_or_default(),
            label: table.text("label").unwrap_or_default(),
            signals: table.texts("signals").unwrap_or_default(),
            attribute: table.text("attribute"),
            values: table.texts("values").unwrap_or_default(),
            actor: table.word("actor").unwrap_or_default(),
            restart: is("restart"),
            slow: is("slow") || is("restart"),
            reversible: is("reversible"),
            together: is("together"),
        }
    }
}
