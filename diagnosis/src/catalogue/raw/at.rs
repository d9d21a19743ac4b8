use std::sync::Arc;

use serde::Deserialize;

use crate::catalogue::LoadError;

/// A value, and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::catalogue) struct At<T> {
    pub(in crate::catalogue) value: T,
    pub(in crate::catalogue) file: Arc<str>,
    pub(in crate::catalogue) line: usize,
}

impl<T> At<T> {
    /// A fault here.
    pub(in crate::catalogue) fn error(&self, reason: impl Into<String>) -> LoadError {
        LoadError { file: self.file.to_string(), line: self.line, reason: reason.into() }
    }
}

impl At<String> {
    /// A fault at a byte offset of this text, which may have several lines.
    pub(in crate::catalogue) fn error_at(&self, offset: usize, reason: impl Into<String>) -> LoadError {
        let before = self.value.get(..offset).unwrap_or(&self.value);
        let newlines = before.bytes().filter(|byte| *byte == b'\n').count();
        LoadError { line: self.line + newlines, ..self.error(reason) }
    }
}

/// One or several.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(in crate::catalogue) enum Many {
    One(String),
    More(Vec<String>),
}

impl Many {
    pub(in crate::catalogue) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more,
        }
    }
}
