use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Data, say};
use crate::app::{App, SystemClock};
use crate::authority::hexadecimal;
use crate::config::{self, Config};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Name of the first administrator.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    administrator: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was made. The password is shown here and kept nowhere.
#[derive(Serialize)]
struct Made<'a> {
    data: &'a Path,
    config: std::path::PathBuf,
    authority: std::path::PathBuf,
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
    let config = Config::default();
    App::create(folder, &config.database.location(folder).map_err(anyhow::Error::msg)?, &SystemClock)?;
    std::fs::write(&file, config::TEMPLATE).with_context(|| format!("writing {}", file.display()))?;
    let app = App::open(folder, Config::read(folder)?, Arc::new(SystemClock)).await?;
    let first = app.access.create_first_administrator(&arguments.administrator).await;
    let Some(administrator) = first.context("making the first administrator")? else {
        bail!("the database in {} has accounts already", folder.display());
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
