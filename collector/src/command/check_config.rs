use super::{Data, say};
use crate::config::{self, Config};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    Config::read(&arguments.data.folder)?;
    let file = arguments.data.folder.join(config::FILE);
    say(&mut std::io::stdout(), &format!("{} is right", file.display()));
    Ok(())
}
