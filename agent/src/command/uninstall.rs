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
        service::check().with_context(|| nothing_removed(state_dir))?;
        say(&service::uninstall(state_dir, config_file, self.purge)?)
    }
}

/// What is so when there is nothing to uninstall from.
fn nothing_removed(state_dir: &Path) -> String {
    if state_dir.exists() {
        return format!("nothing was removed; what the agent keeps is in {}", state_dir.display());
    }
    "nothing was removed".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_is_there_is_said_to_be_kept() {
        let folder = tempfile::tempdir().expect("temporary directory");
        assert!(nothing_removed(folder.path()).ends_with(&folder.path().display().to_string()));
        assert_eq!(nothing_removed(&folder.path().join("none")), "nothing was removed");
    }
}
