use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::host;

/// Where to listen, and under which names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// For agents.
    pub agents: SocketAddr,
    /// For people.
    pub people: SocketAddr,
    /// Names and addresses for the server certificates.
    pub public_names: Vec<String>,
    /// PEM chain for the people's port, below the data folder when relative; empty: our own authority issues it.
    pub people_certificate_file: PathBuf,
    /// PEM key for the people's port, likewise.
    pub people_key_file: PathBuf,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            agents: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7443)),
            people: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443)),
            public_names: Vec::new(),
            people_certificate_file: PathBuf::new(),
            people_key_file: PathBuf::new(),
        }
    }
}

impl Listen {
    /// The administrator's own certificate chain and key for the collector in `data`, when both are named.
    pub fn people_files(&self, data: &Path) -> Option<(PathBuf, PathBuf)> {
        (!self.people_certificate_file.as_os_str().is_empty())
            .then(|| (data.join(&self.people_certificate_file), data.join(&self.people_key_file)))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.people_certificate_file.as_os_str().is_empty() != self.people_key_file.as_os_str().is_empty() {
            return Err("listen.people_certificate_file and listen.people_key_file must be given together".to_owned());
        }
        self.check_ports()?;
        self.public_names.iter().try_for_each(|name| host::check("listen.public_names", name))
    }

    fn check_ports(&self) -> Result<(), String> {
        let (one, other) = (self.agents, self.people);
        let meet = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
        if one.port() == other.port() && one.port() != 0 && meet {
            let port = one.port();
            return Err(format!("listen.agents and listen.people are both at {port}; each needs a port of its own"));
        }
        Ok(())
    }
}
