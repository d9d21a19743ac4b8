use std::io;

use firstline_diagnosis::vocabulary::{Unknown, Why};
use thiserror::Error;

/// Why a probe has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeError {
    /// This operating system or kernel cannot say.
    #[error("{0} is not offered here")]
    Unsupported(&'static str),
    /// The file or interface of the kernel is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// The thing itself is not in this machine.
    #[error("there is no {0}")]
    NotPresent(&'static str),
    /// Nobody said what to try.
    #[error("no {0} is configured")]
    NotConfigured(&'static str),
    /// The agent lacks the right to read it.
    #[error("not allowed to read {0}")]
    NoPermission(String),
    /// The source did not answer in time.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// The device sleeps, and looking would have woken it.
    #[error("{0} sleeps and was not woken")]
    Asleep(String),
    /// The source answered with an error, or with what cannot be understood.
    #[error("{0}")]
    Failed(String),
}

impl ProbeError {
    /// What an error about a file means; `relative` is its name below the root, and people know it by its whole name.
    pub(crate) fn file(relative: &str, source: &io::Error) -> Self {
        Self::io(&format!("/{relative}"), source)
    }

    /// What an error of the system about `what` means.
    pub(crate) fn io(what: &str, source: &io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::Unsupported => Self::Missing(what.to_owned()),
            io::ErrorKind::PermissionDenied => Self::NoPermission(what.to_owned()),
            io::ErrorKind::TimedOut => Self::Timeout(what.to_owned()),
            _ => Self::Failed(format!("{what}: {source}")),
        }
    }

    /// There is no `thing` where what tells of it is missing.
    pub(crate) fn or_not_present(self, thing: &'static str) -> Self {
        if let Self::Missing(_) = self { Self::NotPresent(thing) } else { self }
    }
}

impl From<ProbeError> for Unknown {
    fn from(error: ProbeError) -> Self {
        let why = match error {
            ProbeError::Unsupported(_) | ProbeError::Missing(_) | ProbeError::NotConfigured(_) => Why::Unsupported,
            ProbeError::NotPresent(_) => Why::NotPresent,
            ProbeError::NoPermission(_) => Why::NoPermission,
            ProbeError::Timeout(_) => Why::Timeout,
            ProbeError::Asleep(_) => Why::Asleep,
            ProbeError::Failed(_) => Why::Failed,
        };
        Self::new(why, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_people_know_it() {
        let missing = ProbeError::file("sys/class/dmi/id/product_serial", &io::ErrorKind::NotFound.into());
        assert_eq!(missing.to_string(), "/sys/class/dmi/id/product_serial is not there");
    }
}
