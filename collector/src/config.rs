//! The collector's configuration file.

use serde::Deserialize;

/// Everything that the administrator decides. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}
