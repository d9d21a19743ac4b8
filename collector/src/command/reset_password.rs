use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;

use super::{Data, say};
use crate::access::{Access, Actor};
use crate::app::SystemClock;
use crate::config::Config;
use crate::store::Store;

pub(super) const EXAMPLES: &str = "Example:
  systemctl stop firstline-collector
  firstline-collector reset-password --data /var/lib/firstline-collector --account admin
  systemctl start firstline-collector";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Name of the account.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    account: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The password that was made up. It is shown here and kept nowhere.
#[derive(Serialize)]
struct Reset<'a> {
    account: &'a str,
    password: &'a str,
}

/// For whoever has the data folder, and so all that is in it, when nobody can sign in any more.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    let database = Config::read(folder)?.database.location(folder).map_err(anyhow::Error::msg)?;
    let store = Store::open(&database).await.with_context(|| format!("opening the database {database}"))?;
    let access = Access::new(store.clone(), Arc::new(SystemClock))?;
    let reset = access.reset_password(&arguments.account, &Actor::local("reset-password")).await;
    store.close().await;
    let (account, password) = (arguments.account.as_str(), reset?);
    let document = Reset { account, password: &password };
    let words = || {
        format!(
            "Account   {account}\nPassword  {password}   (shown once, write it down)\n\nEverybody who was signed in as {account} \
             is signed out."
        )
    };
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&document)? } else { words() });
    Ok(())
}
