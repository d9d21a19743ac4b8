use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use super::enroll::Enroll;
use super::runtime;
use crate::config::{Address, Config};
use crate::identity::{Identity, IdentityError};
use crate::service;
use crate::state::StateDir;

/// Makes the agent a service that starts with this machine. Doing it again changes nothing that is right already.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  firstline-agent install --collector collector.example.com --token-file token.txt
  firstline-agent install          # without an identity the service waits until there is one")]
pub(super) struct Install {
    /// Make this machine known to the collector that listens here; the port is 7443 when left out
    #[arg(long, value_name = "HOST:PORT")]
    collector: Option<Address>,
    /// The token, as `firstline token create` printed it (visible to other people on this machine; better use a file)
    #[arg(long, conflicts_with = "token_file", requires = "collector")]
    token: Option<String>,
    /// A file that holds the token
    #[arg(long, value_name = "FILE", requires = "collector")]
    token_file: Option<PathBuf>,
}

impl Install {
    pub(super) fn execute(self, state_dir: &Path, config_file: &Path) -> Result<()> {
        service::check()?;
        let installed = service::install(state_dir, config_file)?;
        say(&installed.said)?;
        let state = StateDir::open(state_dir)?;
        let config = Config::read(config_file)?;
        let is_enrolled = self.enroll(&config, &state)?;
        say(&service::start(state_dir, installed.changed)?)?;
        if !is_enrolled {
            say(&["This machine is not enrolled, so the service waits. Next: \
                   firstline-agent install --collector HOST:PORT --token-file FILE"
                .to_owned()])?;
        }
        Ok(())
    }

    /// Enrols when that was asked for and is not done already; whether the machine is enrolled afterwards.
    fn enroll(self, config: &Config, state: &StateDir) -> Result<bool> {
        match (Identity::load(&state.dir("identity")?), self.collector) {
            (Ok(identity), Some(wanted)) if wanted != identity.collector => bail!(
                "this machine is enrolled at {} as endpoint {}; to move it to {wanted}, stop the service and run \
                 `firstline-agent enroll --again`",
                identity.collector,
                identity.endpoint_id
            ),
            (Ok(identity), _) => {
                let (collector, endpoint) = (&identity.collector, &identity.endpoint_id);
                say(&[format!("This machine is enrolled already, at {collector} as endpoint {endpoint}.")])?;
                Ok(true)
            }
            (Err(IdentityError::NotEnrolled), None) => Ok(false),
            (Err(damaged), None) => Err(damaged.into()),
            (Err(_), Some(collector)) => {
                let enroll = Enroll::new(collector, self.token, self.token_file);
                runtime()?.block_on(enroll.execute(config, state)).map(|()| true)
            }
        }
    }
}

/// Prints what was done.
pub(super) fn say(sentences: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for sentence in sentences {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}
