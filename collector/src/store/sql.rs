//! Statements for both engines.
//!
//! A statement is one `&'static str` with `$1` places, in the SQL that SQLite and PostgreSQL share: `ON CONFLICT`, no
//! `INSERT OR`, no `rowid`, no JSON functions, `CAST(.. AS BIGINT)` around
//! sums and numbers that are no column's, explicit order of NULLs by `COALESCE`. Texts are
//! compared byte by byte on both (the migrations see to it), and `LOWER` knows ASCII only on both.
//!
//! A statement runs on `store.reads()` or on the `tx` of [`super::Store::write`], and reads like sqlx:
//!
//! ```text
//! let row: Option<(i64, String)> =
//!     sql::query_as("SELECT key, name FROM endpoints WHERE id = $1").bind(id).fetch_optional(store.reads()).await?;
//! ```
//!
//! Rows are tuples, structs with `#[derive(sqlx::FromRow)]`, or a [`Row`] that is asked for its columns. Numbers are `i64`,
//! flags are 0 and 1, texts `String`, bytes `Vec<u8>`, and `Option` of these.

mod execute;
mod row;
mod value;

use std::marker::PhantomData;

pub use execute::{Executor, Place};
pub(super) use execute::{Held, Remember, Server};
pub use row::{Columns, Row};
pub use sqlx::Error;
pub use value::Value;

/// A statement that gives [`Row`]s, or nothing.
pub fn query<'q>(text: &'static str) -> Query<'q> {
    Query { text, values: Vec::new() }
}

/// A statement whose rows are a `T`.
pub fn query_as<'q, T: Columns>(text: &'static str) -> QueryAs<'q, T> {
    QueryAs { query: query(text), row: PhantomData }
}

/// A statement whose rows have one column, a `T`.
pub fn query_scalar<'q, T>(text: &'static str) -> QueryScalar<'q, T>
where
    (T,): Columns,
{
    QueryScalar { query: query_as(text) }
}

/// A statement and what its places are filled with.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct Query<'q> {
    text: &'static str,
    values: Vec<Value<'q>>,
}

/// What a statement without rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    rows_affected: u64,
}

impl Done {
    /// How many rows it changed.
    pub fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

/// A statement whose rows are a `T`.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct QueryAs<'q, T> {
    query: Query<'q>,
    row: PhantomData<fn() -> T>,
}

/// A statement whose rows have one column, a `T`.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct QueryScalar<'q, T> {
    query: QueryAs<'q, (T,)>,
}

/// What `LIKE ... ESCAPE '!'` takes to find `words` anywhere in a text in small letters, their own wildcards taken
/// literally; empty for no words.
pub fn containing(words: &str) -> String {
    let words = words.trim().to_lowercase();
    if words.is_empty() {
        return words;
    }
    format!("%{}%", words.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

impl<'q> Query<'q> {
    /// Fills the next place.
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it for what it does.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute<'c>(self, on: impl Executor<'c>) -> Result<Done, Error> {
        let rows_affected = execute::run(on.place(), self).await?;
        Ok(Done { rows_affected })
    }

    /// Runs it for all its rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_all<'c>(self, on: impl Executor<'c>) -> Result<Vec<Row>, Error> {
        execute::all(on.place(), self).await
    }

    /// Runs it for its first row, when there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fetch_optional<'c>(self, on: impl Executor<'c>) -> Result<Option<Row>, Error> {
        execute::first(on.place(), self).await
    }

    /// Runs it for its first row.
    ///
    /// # Errors
    /// What the database says, or that there is none.
    pub async fn fetch_one<'c>(self, on: impl Executor<'c>) -> Result<Row, Error> {
        self.fetch_optional(on).await?.ok_or(Error::RowNotFound)
    }
}

impl<'q, T: Columns> QueryAs<'q, T> {
    /// Fills the next place.
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// Runs it for all its rows.
    ///
    /// # Errors
    /// What the database says, or that a row is not a `T`.
    pub async fn fetch_all<'c>(self, on: impl Executor<'c>) -> Result<Vec<T>, Error> {
        self.query.fetch_all(on).await?.iter().map(Row::read).collect()
    }

    /// Runs it for its first row, when there is one.
    ///
    /// # Errors
    /// What the database says, or that the row is not a `T`.
    pub async fn fetch_optional<'c>(self, on: impl Executor<'c>) -> Result<Option<T>, Error> {
        self.query.fetch_optional(on).await?.as_ref().map(Row::read).transpose()
    }

    /// Runs it for its first row.
    ///
    /// # Errors
    /// What the database says, that there is none, or that it is not a `T`.
    pub async fn fetch_one<'c>(self, on: impl Executor<'c>) -> Result<T, Error> {
        self.query.fetch_one(on).await?.read()
    }
}

impl<'q, T> QueryScalar<'q, T>
where
    (T,): Columns,
{
    /// Fills the next place.
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// Runs it for all its values.
    ///
    /// # Errors
    /// What the database says, or that a value is not a `T`.
    pub async fn fetch_all<'c>(self, on: impl Executor<'c>) -> Result<Vec<T>, Error> {
        Ok(self.query.fetch_all(on).await?.into_iter().map(|(value,)| value).collect())
    }

    /// Runs it for its first value, when there is one.
    ///
    /// # Errors
    /// What the database says, or that the value is not a `T`.
    pub async fn fetch_optional<'c>(self, on: impl Executor<'c>) -> Result<Option<T>, Error> {
        Ok(self.query.fetch_optional(on).await?.map(|(value,)| value))
    }

    /// Runs it for its first value.
    ///
    /// # Errors
    /// What the database says, that there is none, or that it is not a `T`.
    pub async fn fetch_one<'c>(self, on: impl Executor<'c>) -> Result<T, Error> {
        Ok(self.query.fetch_one(on).await?.0)
    }
}
