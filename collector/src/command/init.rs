use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Data, say};
use crate::app::{App, SystemClock};
use crate::authority::hexadecimal;
use crate::config::{self, Config};
use crate::store::{Location, Store, sql};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Name of the first administrator.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    administrator: String,
    /// Configuration to begin with, such as one that names a PostgreSQL server; otherwise every key has its default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was made. The password is shown here and kept nowhere.
#[derive(Serialize)]
struct Made<'a> {
    data: &'a Path,
    config: PathBuf,
    authority: PathBuf,
    authority_sha256: String,
    administrator: &'a str,
    password: &'a str,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    let file = folder.join(config::FILE);
    if file.exists() {
        bail!("{} is there already: this folder holds a collector, and it is left as it is", file.display());
    }
    let text = match &arguments.config {
        Some(given) => std::fs::read_to_string(given).with_context(|| format!("reading {}", given.display()))?,
        None => config::TEMPLATE.to_owned(),
    };
    let config = Config::parse(&text).map_err(anyhow::Error::msg)?;
    let database = config.database.location(folder).map_err(anyhow::Error::msg)?;
    refuse_shared(&database).await?;
    App::create(folder, &config, &SystemClock)?;
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    let app = App::open(folder, config, Arc::new(SystemClock)).await?;
    let first = app.access.create_first_administrator(&arguments.administrator).await;
    let Some(administrator) = first.context("making the first administrator")? else {
        bail!("the database {database} has accounts already");
    };
    let made = Made {
        data: folder,
        config: file,
        authority: folder.join("authority").join("root.pem"),
        authority_sha256: hexadecimal(&app.authority.fingerprint()),
        administrator: &administrator.account.name,
        password: administrator.password.as_deref().unwrap_or_default(),
    };
    app.store.close().await;
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&made)? } else { words(&made) });
    Ok(())
}

/// Refuses a server's database that another collector uses, before anything is made. A file is new anyway.
async fn refuse_shared(database: &Location) -> anyhow::Result<()> {
    if let Location::Postgres(_) = database {
        let store = Store::open(database).await.with_context(|| format!("opening the database {database}"))?;
        let accounts: i64 = sql::query_scalar("SELECT COUNT(*) FROM accounts").fetch_one(store.reads()).await?;
        store.close().await;
        if accounts > 0 {
            bail!("the database {database} belongs to a collector already; name an empty one in database.url");
        }
    }
    Ok(())
}

fn words(made: &Made<'_>) -> String {
    format!(
        "A new collector is in {}.\n\n  Configuration   {}\n  Root            {} (SHA-256 {})\n  Administrator   {}\n  \
         Password        {}   (shown once, write it down)\n\nStart it with: firstline-collector serve --data {}",
        made.data.display(),
        made.config.display(),
        made.authority.display(),
        made.authority_sha256,
        made.administrator,
        made.password,
        made.data.display(),
    )
}
