//! The writer's way to the database, made again when it breaks.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::debug;

use super::StoreError;
use super::connection::Connection;
use super::location::Location;
use super::sql::Error;
use super::standing::Standing;

/// How long whoever waits for a commit waits for a server that is away. Longer than a restart, shorter than patience.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between attempts, doubled from the first to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// A connection, as long as there is one.
#[derive(Debug)]
pub(super) struct Link {
    location: Location,
    connection: Option<Connection>,
    standing: Standing,
}

impl Link {
    pub(super) fn new(location: Location, connection: Connection, standing: Standing) -> Self {
        Self { location, connection: Some(connection), standing }
    }

    /// Begins a transaction, on a new connection when the old one turns out to be broken.
    ///
    /// # Errors
    /// When the database cannot be reached within [`PATIENCE`], or refuses.
    pub(super) async fn begin(&mut self) -> Result<&mut Connection, StoreError> {
        if let Some(connection) = &mut self.connection {
            match connection.begin().await {
                Ok(()) => {}
                Err(cause) if is_loss(&cause) => self.lose(&cause),
                Err(cause) => {
                    let cause = cause.into();
                    self.give_up(&cause).await;
                    return Err(cause);
                }
            }
        }
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        Ok(self.connection.as_mut().expect("it was just made"))
    }

    /// Undoes the transaction after `cause`; a connection on which that does not work is of no use any more.
    pub(super) async fn give_up(&mut self, cause: &StoreError) {
        let lost = matches!(cause, StoreError::Database(cause) if is_loss(cause));
        let Some(connection) = &mut self.connection else { return };
        let undone = if lost { Ok(()) } else { connection.roll_back().await };
        match (&self.location, undone) {
            // SQLite may have undone it already, and says so as an error; its connection is the file, which does not break.
            (Location::Sqlite(_), _) | (Location::Postgres(_), Ok(())) if !lost => {}
            (_, Err(cause)) => self.lose(&cause),
            (_, Ok(())) => self.lose(cause),
        }
    }

    pub(super) async fn close(self) -> Result<(), Error> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    fn lose(&mut self, cause: &dyn std::error::Error) {
        self.standing.note(format!("the connection is lost: {cause}"));
        self.connection = None;
    }

    /// Connects and begins, with growing pauses, until [`PATIENCE`] is over.
    async fn connect(&self) -> Result<Connection, StoreError> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        loop {
            let cause = match self.attempt().await {
                Ok(connection) => {
                    debug!("The connection to the database is there again");
                    return Ok(connection);
                }
                Err(cause) => cause,
            };
            if Instant::now() + pause >= until {
                return Err(StoreError::Away(std::sync::Arc::new(cause)));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn attempt(&self) -> Result<Connection, Error> {
        let mut connection = self.location.connect().await?;
        connection.begin().await?;
        Ok(connection)
    }
}

/// Whether the connection is of no use any more: it broke, or the server is on its way out.
pub(super) fn is_loss(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        Error::Database(cause) => cause.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code == "25006" || code == "25P03"
        }),
        _ => false,
    }
}
