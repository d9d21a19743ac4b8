use anyhow::Context as _;

use super::{Data, say};
use crate::config::{self, Config};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    let config = Config::read(folder)?;
    // The files that it names belong to it.
    config.database.location(folder).map_err(anyhow::Error::msg)?;
    if let Some((chain, key)) = config.listen.people_files() {
        for (name, path) in [("people_certificate_file", chain), ("people_key_file", key)] {
            std::fs::read(path).with_context(|| format!("listen.{name}: reading {}", path.display()))?;
        }
    }
    config.replicas.nats(folder).map_err(anyhow::Error::msg)?;
    let file = folder.join(config::FILE);
    say(&mut std::io::stdout(), &format!("{} is right", file.display()));
    Ok(())
}
