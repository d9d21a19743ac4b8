//! Many rows with few statements, since the way to the database costs more than the row.

use std::fmt::Write as _;

use crate::store::connection::{Connection, Engine};
use crate::store::sql::{self, Value};

/// Rows of SQLite's statements, the largest first: a full batch and a quiet minute both take few of them.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Stores rows of `N` columns: on SQLite some at a time, on PostgreSQL all at once.
pub(super) struct Table<const N: usize> {
    some: [String; SIZES.len()],
    all: String,
}

impl<const N: usize> Table<N> {
    /// `INSERT INTO name (columns) .. tail`.
    pub(super) fn new(name: &str, columns: [&str; N], tail: &str) -> Self {
        let head = format!("INSERT INTO {name} ({})", columns.join(", "));
        // Places without names, since SQLite looks through all of them for every value that has one.
        let row = format!("({})", vec!["?"; N].join(", "));
        let some = SIZES.map(|rows| format!("{head} VALUES {} {tail}", vec![row.as_str(); rows].join(", ")));
        let all = format!("{head} SELECT * FROM UNNEST({}) {tail}", places(N));
        Self { some, all }
    }

    /// Stores `rows`, in order.
    pub(super) async fn insert(
        &'static self,
        connection: &mut Connection,
        rows: Vec<[Value<'_>; N]>,
    ) -> Result<(), sql::Error> {
        match connection.engine() {
            _ if rows.is_empty() => Ok(()),
            Engine::Sqlite => self.some_at_a_time(connection, rows).await,
            Engine::Postgres => self.all_at_once(connection, rows).await,
        }
    }

    async fn some_at_a_time(
        &'static self,
        connection: &mut Connection,
        rows: Vec<[Value<'_>; N]>,
    ) -> Result<(), sql::Error> {
        let mut rows = rows.into_iter();
        for (text, size) in self.some.iter().zip(SIZES) {
            while rows.len() >= size {
                let query = rows.by_ref().take(size).flatten().fold(sql::query(text), sql::Query::bind);
                query.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }

    async fn all_at_once(
        &'static self,
        connection: &mut Connection,
        rows: Vec<[Value<'_>; N]>,
    ) -> Result<(), sql::Error> {
        let mut columns: [Vec<Value<'_>>; N] = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let query = columns.into_iter().map(Value::column).fold(sql::query(&self.all), sql::Query::bind);
        query.execute(connection).await.map(drop)
    }
}

/// `$1, $2, $3`
fn places(count: usize) -> String {
    (1..=count).fold(String::new(), |mut text, place| {
        let comma = if place == 1 { "" } else { ", " };
        let _ = write!(text, "{comma}${place}");
        text
    })
}
