//! Many rows with few statements, since the way to the database costs more than the row.

use std::fmt::Write as _;

use crate::store::connection::{Connection, Engine};
use crate::store::sql::{self, Value};

/// Rows of SQLite's large statement.
const MANY: usize = 64;

/// Stores rows of `N` columns: on SQLite [`MANY`] or one at a time, on PostgreSQL all at once.
pub(super) struct Table<const N: usize> {
    many: String,
    one: String,
    all: String,
}

impl<const N: usize> Table<N> {
    /// `INSERT INTO name (columns) .. tail`.
    pub(super) fn new(name: &str, columns: [&str; N], tail: &str) -> Self {
        let head = format!("INSERT INTO {name} ({})", columns.join(", "));
        let values = |rows: usize| {
            let rows: Vec<String> = (0..rows).map(|row| format!("({})", places(row * N, N))).collect();
            format!("{head} VALUES {} {tail}", rows.join(", "))
        };
        let all = format!("{head} SELECT * FROM UNNEST({}) {tail}", places(0, N));
        Self { many: values(MANY), one: values(1), all }
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
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        while left > 0 {
            let (text, count) = if left >= MANY { (&self.many, MANY) } else { (&self.one, 1) };
            let query = rows.by_ref().take(count).flatten().fold(sql::query(text), sql::Query::bind);
            query.execute(&mut *connection).await?;
            left -= count;
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

/// `$4, $5, $6`
fn places(after: usize, count: usize) -> String {
    (1..=count).fold(String::new(), |mut text, place| {
        let comma = if place == 1 { "" } else { ", " };
        let _ = write!(text, "{comma}${}", after + place);
        text
    })
}
