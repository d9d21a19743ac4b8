use std::path::Path;

use anyhow::{Context, Result};
use bpaf::Bpaf;

use super::install::say;
use crate::service;

pub(super) const EXAMPLES: &str = "Examples:
   firstline-agent uninstall
   firstline-agent uninstall --purge";

/// Removes the service that `install` made. What the machine was known by is kept unless it is to be purged.
#[derive(Debug, Clone, Bpaf)]
#[bpaf(generate(options))]
pub(super) struct Uninstall {
    /// Remove identity, data, configuration and user as well; the machine has to be enrolled anew to come back
    purge: bool,
}

impl Uninstall {
    pub(super) fn execute(self, state_dir: &Path, config_file: &Path) -> Result<()> {
        let kept = || format!("nothing was removed; what the agent keeps is in {}", state_dir.display());
        service::check().with_context(kept)?;
        say(&service::uninstall(state_dir, config_file, self.purge)?)
    }
}
