use super::{Data, say};
use crate::config::{self, Config};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.data.folder;
    // The secrets that the file names belong to it.
    let config = Config::read(folder)?;
    config.database.location(folder).map_err(anyhow::Error::msg)?;
    config.replicas.nats(folder).map_err(anyhow::Error::msg)?;
    let file = folder.join(config::FILE);
    say(&mut std::io::stdout(), &format!("{} is right", file.display()));
    Ok(())
}
