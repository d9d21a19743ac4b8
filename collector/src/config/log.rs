use serde::Deserialize;

use super::error::nearest;

/// What a level may be.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// What the collector writes about its work, to standard error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Lowest level, or a filter.
    pub level: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// Form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
    /// A filter takes any word for the name of a module, so that a misspelt level would silence everything.
    pub(super) fn check(&self) -> Result<(), String> {
        self.level.split(',').map(str::trim).try_for_each(|directive| {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            if LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
                return Ok(());
            }
            let meant = nearest(level, LEVELS.into_iter());
            let guess = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            Err(format!("log.level holds {level:?}, it must be one of {}{guess}", LEVELS.join(", ")))
        })
    }
}
