//! Connections of either engine: the writer's one, and the pool for reads.

use std::borrow::Cow;

use sqlx::pool::MaybePoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqliteConnection, SqlitePool};

use super::sql::{Error, Held, Remember, Server};

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in the data folder.
    Sqlite,
    /// A server that several collectors may share.
    Postgres,
}

/// The writer's connection.
#[derive(Debug)]
pub struct Connection(Kind);

#[derive(Debug)]
enum Kind {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>, Remember),
}

impl Connection {
    pub(super) fn sqlite(connection: SqliteConnection) -> Self {
        Self(Kind::Sqlite(Box::new(connection)))
    }

    pub(super) fn postgres(connection: PgConnection, remember: Remember) -> Self {
        Self(Kind::Postgres(Box::new(connection), remember))
    }

    /// Which database it leads to.
    pub fn engine(&self) -> Engine {
        match self.0 {
            Kind::Sqlite(_) => Engine::Sqlite,
            Kind::Postgres(..) => Engine::Postgres,
        }
    }

    pub(super) fn hold(&mut self) -> Held<'_> {
        match &mut self.0 {
            Kind::Sqlite(connection) => Held::Sqlite(MaybePoolConnection::Connection(&mut **connection)),
            Kind::Postgres(connection, remember) => {
                Held::Postgres(Server::Plain(MaybePoolConnection::Connection(&mut **connection)), *remember)
            }
        }
    }

    /// Begins a transaction; SQLite's takes the right to write at once.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        match self.engine() {
            Engine::Sqlite => self.raw("BEGIN IMMEDIATE").await,
            // Each statement sees what was committed before it, which locked rows rely on; the server's default may differ.
            // A collector that is frozen in the middle of a transaction must not hold up the others for longer than this.
            Engine::Postgres => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
                    SET LOCAL idle_in_transaction_session_timeout = '5s'";
                self.raw(begin).await
            }
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.raw("COMMIT").await
    }

    pub(super) async fn roll_back(&mut self) -> Result<(), Error> {
        self.raw("ROLLBACK").await
    }

    /// Runs statements that have no places and give no rows.
    pub(super) async fn raw(&mut self, statements: impl Into<Cow<'static, str>>) -> Result<(), Error> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.into().into_owned()));
        match &mut self.0 {
            Kind::Sqlite(connection) => statements.execute(&mut **connection).await.map(drop),
            Kind::Postgres(connection, _) => statements.execute(&mut **connection).await.map(drop),
        }
    }

    pub(super) async fn close(self) -> Result<(), Error> {
        match self.0 {
            Kind::Sqlite(connection) => connection.close().await,
            Kind::Postgres(connection, _) => connection.close().await,
        }
    }
}

/// Connections for reads. They see the last commit, never wait for the writer, and refuse to write.
#[derive(Debug, Clone)]
pub enum Reads {
    /// SQLite's.
    Sqlite(SqlitePool),
    /// PostgreSQL's.
    Postgres(PgPool),
    /// PostgreSQL's behind a transaction pooler.
    Pooled(PgPool),
}

impl Reads {
    pub(super) async fn hold(&self) -> Result<Held<'static>, Error> {
        Ok(match self {
            Self::Sqlite(pool) => Held::Sqlite(pool.acquire().await?.into()),
            Self::Postgres(pool) => Held::Postgres(Server::Plain(pool.acquire().await?.into()), Remember::Yes),
            Self::Pooled(pool) => {
                let transaction = pool.begin_with("BEGIN READ ONLY").await?;
                Held::Postgres(Server::Pooled(transaction), Remember::No)
            }
        })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) | Self::Pooled(pool) => pool.close().await,
        }
    }
}
