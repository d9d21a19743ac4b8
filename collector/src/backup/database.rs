//! The database's part of a backup.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::Database;
use crate::config::{self, Config};
use crate::store::{self, Engine, Inspection, Location};

/// What pg_dump writes.
pub(super) const DUMP: &str = "firstline.pgdump";

/// Copies the database of `config` into `folder`, and says what is in it.
pub(super) async fn take(
    config: &Config,
    data: &Path,
    folder: &Path,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Database> {
    let location = config.database.location(data).map_err(anyhow::Error::msg)?;
    match &location {
        Location::Sqlite(path) => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let target = folder.join(&name);
            if !path.exists() {
                bail!("there is no database at {}; is {} a collector's folder?", path.display(), data.display());
            }
            // The folder is its owner's, so that nobody can read the file before it is, too.
            let progress = |done: u64, all: u64| tell(&format!("The database: {} of {} MB", done >> 20, all >> 20));
            store::copy(path, &target, progress).await.with_context(|| format!("copying {}", path.display()))?;
            crate::app::owner::hide(&target).with_context(|| format!("hiding {}", target.display()))?;
            described(&Location::Sqlite(target), Some(name)).await
        }
        Location::Postgres(_) => {
            let database = described(&location, Some(DUMP.to_owned())).await?;
            tell("The database: pg_dump runs");
            run(dump(&config.database, data, &folder.join(DUMP))?, &by_hand(&config.database, "FILE")).await?;
            Ok(database)
        }
    }
}

/// What a database is, when its file is `file`.
pub(super) async fn described(location: &Location, file: Option<String>) -> anyhow::Result<Database> {
    let inspection = Inspection::open(location).await.with_context(|| format!("opening the database {location}"))?;
    let read = async { Ok::<_, store::StoreError>((inspection.migrations().await?, inspection.counts().await?)) };
    let (migrations, counts) = read.await.with_context(|| format!("reading the database {location}"))?;
    let engine = if inspection.engine() == Engine::Sqlite { "sqlite" } else { "postgres" };
    inspection.close().await;
    Ok(Database { engine: engine.to_owned(), file, migrations, counts })
}

/// Copies what pg_dump wrote back into an empty database.
pub(super) async fn put_back(config: &Config, data: &Path, file: &Path) -> anyhow::Result<()> {
    let mut command = client("pg_restore", &config.database, data)?;
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]).arg(file);
    run(command, &by_hand_back(&config.database, &file.display().to_string())).await
}

/// What to say to the shell to back the server up.
pub(super) fn by_hand(database: &config::Database, file: &str) -> String {
    format!("pg_dump --format=custom --no-owner --no-privileges --dbname='{}' --file={file}", database.url)
}

/// What to say to the shell to put that back.
pub(super) fn by_hand_back(database: &config::Database, file: &str) -> String {
    format!(
        "pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname='{}' {file}",
        database.url
    )
}

fn dump(database: &config::Database, data: &Path, to: &Path) -> anyhow::Result<Command> {
    let mut command = client("pg_dump", database, data)?;
    let mut file = OsString::from("--file=");
    file.push(to);
    command.args(["--format=custom", "--no-owner", "--no-privileges"]).arg(file);
    Ok(command)
}

/// One of PostgreSQL's own programs, on its way to the server. Passwords go through the environment, which others cannot read.
fn client(name: &str, database: &config::Database, data: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(name);
    command.arg(format!("--dbname={}", database.url)).arg("--no-password").kill_on_drop(true);
    if let Some(password) = database.password(data).map_err(anyhow::Error::msg)? {
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

async fn run(mut command: Command, by_hand: &str) -> anyhow::Result<()> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = match command.output().await {
        Ok(output) => output,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => bail!(
            "{name} is not installed here (Debian: postgresql-client, of the server's version or newer). Install it, or use \
             --without-database and run on another machine: {by_hand}"
        ),
        Err(cause) => return Err(cause).with_context(|| format!("starting {name}")),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, said.trim());
    }
    Ok(())
}
