//! Directories as people and scripts receive them.

use serde::{Deserialize, Serialize};

use crate::desk::TrialStep;

/// A directory of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryView {
    /// Its name in the configuration.
    pub name: String,
    /// Which system it is.
    pub kind: String,
    /// Its address.
    pub url: String,
    /// Why it cannot be asked; empty when nothing is known.
    pub trouble: String,
}

/// The directories of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryList {
    /// In the order of the file, in which they are asked.
    pub directories: Vec<DirectoryView>,
}

/// The order to try out a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryTrialOrder {
    /// An account that is looked for; absent: the one by which the directory is asked.
    pub account: Option<String>,
}

/// How a directory did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryTrial {
    /// Its name.
    pub directory: String,
    /// Whether every step was done.
    pub passed: bool,
    /// The steps that were taken, up to the first that failed.
    pub steps: Vec<TrialStep>,
}
