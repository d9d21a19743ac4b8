use std::borrow::Cow;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite, query::Query};

/// What fills a place of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'q> {
    /// A number, or none.
    Integer(Option<i64>),
    /// A text, or none.
    Text(Option<Cow<'q, str>>),
    /// Bytes, or none.
    Bytes(Option<Cow<'q, [u8]>>),
    /// Numbers of many rows. PostgreSQL only.
    Integers(Vec<Option<i64>>),
    /// Texts of many rows. PostgreSQL only.
    Texts(Vec<Option<Cow<'q, str>>>),
    /// Bytes of many rows. PostgreSQL only.
    Blobs(Vec<Option<Cow<'q, [u8]>>>),
}

impl<'q> Value<'q> {
    /// One column of many rows. All have the kind of the first.
    pub(in crate::store) fn column(values: Vec<Self>) -> Self {
        match values.first() {
            Some(Self::Text(_)) => Self::Texts(values.into_iter().map(Self::text).collect()),
            Some(Self::Bytes(_)) => Self::Blobs(values.into_iter().map(Self::bytes).collect()),
            _ => Self::Integers(values.into_iter().map(Self::integer).collect()),
        }
    }

    fn integer(self) -> Option<i64> {
        if let Self::Integer(number) = self { number } else { None }
    }

    fn text(self) -> Option<Cow<'q, str>> {
        if let Self::Text(text) = self { text } else { None }
    }

    fn bytes(self) -> Option<Cow<'q, [u8]>> {
        if let Self::Bytes(bytes) = self { bytes } else { None }
    }

    pub(super) fn bind_sqlite(self, query: Query<'_, Sqlite, SqliteArguments>) -> Query<'_, Sqlite, SqliteArguments> {
        match self {
            Self::Integer(number) => query.bind(number),
            Self::Text(Some(Cow::Borrowed(text))) => query.bind(text.to_owned()),
            Self::Text(text) => query.bind(text.map(Cow::into_owned)),
            Self::Bytes(bytes) => query.bind(bytes.map(Cow::into_owned)),
            Self::Integers(_) | Self::Texts(_) | Self::Blobs(_) => {
                unreachable!("columns of many rows are only bound by the statements that are PostgreSQL's")
            }
        }
    }

    pub(super) fn bind_postgres(self, query: Query<'_, Postgres, PgArguments>) -> Query<'_, Postgres, PgArguments> {
        match self {
            Self::Integer(number) => query.bind(number),
            Self::Text(text) => query.bind(text.map(storable).map(Cow::into_owned)),
            Self::Bytes(bytes) => query.bind(bytes.map(Cow::into_owned)),
            Self::Integers(numbers) => query.bind(numbers),
            Self::Texts(texts) => {
                let texts: Vec<Option<Cow<'_, str>>> = texts.into_iter().map(|text| text.map(storable)).collect();
                query.bind(texts.iter().map(|text| text.as_deref()).collect::<Vec<Option<&str>>>())
            }
            Self::Blobs(blobs) => {
                query.bind(blobs.iter().map(|bytes| bytes.as_deref()).collect::<Vec<Option<&[u8]>>>())
            }
        }
    }
}

/// PostgreSQL has no place for the character 0 in a text. It comes from outside and means nothing, so that it becomes the
/// replacement character rather than a record that can never be stored.
fn storable(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(text: &'q String) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl<'q> From<&'q Option<String>> for Value<'q> {
    fn from(text: &'q Option<String>) -> Self {
        Self::Text(text.as_deref().map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(bytes: &'q [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(bytes)))
    }
}

impl<'q> From<&'q Vec<u8>> for Value<'q> {
    fn from(bytes: &'q Vec<u8>) -> Self {
        Self::Bytes(Some(Cow::Borrowed(bytes)))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(Cow::Owned(bytes)))
    }
}

impl<'q> From<Option<&'q [u8]>> for Value<'q> {
    fn from(bytes: Option<&'q [u8]>) -> Self {
        Self::Bytes(bytes.map(Cow::Borrowed))
    }
}
