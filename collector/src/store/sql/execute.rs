//! Where statements run.

use std::ops::{Deref, DerefMut};

use sqlx::pool::MaybePoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{PgConnection, Postgres, Sqlite, Transaction};

use super::{Error, Query, Row};
use crate::store::connection::{Connection, Reads};

/// What a statement can run on: `store.reads()`, or the writer's `&mut Connection`.
pub trait Executor<'c>: Send {
    /// Which of the two it is.
    fn place(self) -> Place<'c>;
}

/// One of the two that a statement can run on.
#[derive(Debug)]
pub enum Place<'c> {
    /// Any connection for reads.
    Reads(&'c Reads),
    /// This connection.
    Connection(&'c mut Connection),
}

impl<'c> Executor<'c> for &'c Reads {
    fn place(self) -> Place<'c> {
        Place::Reads(self)
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    fn place(self) -> Place<'c> {
        Place::Connection(self)
    }
}

/// A connection for one statement.
pub(in crate::store) enum Held<'c> {
    Sqlite(MaybePoolConnection<'c, Sqlite>),
    Postgres(Server<'c>, Remember),
}

/// Whether the server keeps the statement for the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Remember {
    Yes,
    No,
}

/// A connection to PostgreSQL. Behind a transaction pooler the two messages of a statement stay together only within a
/// transaction.
pub(in crate::store) enum Server<'c> {
    Plain(MaybePoolConnection<'c, Postgres>),
    Pooled(Transaction<'static, Postgres>),
}

impl Deref for Server<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Plain(connection) => connection,
            Self::Pooled(transaction) => transaction,
        }
    }
}

impl DerefMut for Server<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Plain(connection) => &mut *connection,
            Self::Pooled(transaction) => &mut *transaction,
        }
    }
}

impl Server<'_> {
    async fn done(self) -> Result<(), Error> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Pooled(transaction) => transaction.commit().await,
        }
    }
}

impl<'c> Place<'c> {
    async fn hold(self) -> Result<Held<'c>, Error> {
        match self {
            Self::Connection(connection) => Ok(connection.hold()),
            Self::Reads(reads) => reads.hold().await,
        }
    }
}

impl<'q> Query<'q> {
    fn sqlite(self) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| value.bind_sqlite(query))
    }

    fn postgres(self, remember: Remember) -> sqlx::query::Query<'q, Postgres, PgArguments> {
        let query = sqlx::query(self.text).persistent(remember == Remember::Yes);
        self.values.into_iter().fold(query, |query, value| value.bind_postgres(query))
    }
}

/// Runs a statement; gives the number of rows it changed.
pub(super) async fn run(place: Place<'_>, query: Query<'_>) -> Result<u64, Error> {
    match place.hold().await? {
        Held::Sqlite(mut connection) => Ok(query.sqlite().execute(&mut *connection).await?.rows_affected()),
        Held::Postgres(mut server, remember) => {
            let done = query.postgres(remember).execute(&mut *server).await?;
            server.done().await?;
            Ok(done.rows_affected())
        }
    }
}

/// Runs a statement for all its rows.
pub(super) async fn all(place: Place<'_>, query: Query<'_>) -> Result<Vec<Row>, Error> {
    match place.hold().await? {
        Held::Sqlite(mut connection) => {
            let rows = query.sqlite().fetch_all(&mut *connection).await?;
            Ok(rows.into_iter().map(Row::Sqlite).collect())
        }
        Held::Postgres(mut server, remember) => {
            let rows = query.postgres(remember).fetch_all(&mut *server).await?;
            server.done().await?;
            Ok(rows.into_iter().map(Row::Postgres).collect())
        }
    }
}

/// Runs a statement for its first row.
pub(super) async fn first(place: Place<'_>, query: Query<'_>) -> Result<Option<Row>, Error> {
    match place.hold().await? {
        Held::Sqlite(mut connection) => Ok(query.sqlite().fetch_optional(&mut *connection).await?.map(Row::Sqlite)),
        Held::Postgres(mut server, remember) => {
            let row = query.postgres(remember).fetch_optional(&mut *server).await?;
            server.done().await?;
            Ok(row.map(Row::Postgres))
        }
    }
}
