use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::install::say;
use crate::service;

/// Removes the service that `install` made. What the machine was known by is kept unless it is to be purged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  firstline-agent uninstall
  firstline-agent uninstall --purge")]
pub(super) struct Uninstall {
    /// Remove identity, data, configuration and user as well; the machine has to be enrolled anew to come back
    #[arg(long)]
    purge: bool,
}

impl Uninstall {
    pub(super) fn execute(self, state_dir: &Path, config_file: &Path) -> Result<()> {
        service::check()?;
        say(&service::uninstall(state_dir, config_file, self.purge)?)
    }
}
