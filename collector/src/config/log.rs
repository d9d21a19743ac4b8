use firstline_diagnosis::spelling::nearest;
use serde::{Deserialize, Serialize};

use super::error::guess;

/// What a level may be.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// The parts of this program that are ours. Others, of libraries, are not looked at.
const OURS: [&str; 3] = ["firstline_collector", "firstline_diagnosis", "firstline_proto"];

/// What the collector writes about its work, to standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Lowest level, or a filter.
    pub level: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Log {
    /// A filter takes any word for the name of a module, so that a misspelt level would silence everything, and a misspelt
    /// name nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        self.level.split(',').map(str::trim).try_for_each(|directive| {
            let (target, level) = directive.rsplit_once('=').unwrap_or(("", directive));
            if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
                let (levels, guess) = (LEVELS.join(", "), guess(level, &LEVELS));
                return Err(format!("log.level holds {level:?}, it must be one of {levels}{guess}"));
            }
            let program = target.split([':', '[']).next().unwrap_or_default();
            match nearest(program, OURS) {
                Some(meant) if program != meant => Err(format!(
                    "log.level names {program:?}, which is no part of this program; did you mean `{meant}`?"
                )),
                _ => Ok(()),
            }
        })
    }
}
