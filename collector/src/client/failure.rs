use std::process::ExitCode;

use thiserror::Error;

/// Why the command did not do what it was asked. The text says what was attempted, on what, and what to do.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The collector said no, or what it was asked for went wrong.
    #[error("{0}")]
    Failed(String),
    /// The command makes no sense as it was given.
    #[error("{0}")]
    Usage(String),
    /// The collector did not answer.
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}
