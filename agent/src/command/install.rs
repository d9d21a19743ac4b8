use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bpaf::Bpaf;

use super::enroll::{Enroll, Given, given};
use super::runtime;
use crate::config::{Address, Config};
use crate::identity::{Identity, IdentityError};
use crate::service;
use crate::state::StateDir;

pub(super) const EXAMPLES: &str = "Examples:
   firstline-agent install --collector collector.example.com --token-file token.txt
   firstline-agent install          # without an identity the service waits until there is one";

/// Makes the agent a service that starts with this machine. Doing it again changes nothing that is right already.
#[derive(Debug, Clone, Bpaf)]
#[bpaf(generate(options))]
pub(super) struct Install {
    #[bpaf(external, optional)]
    joining: Option<Joining>,
}

/// Where to, and how.
#[derive(Debug, Clone, Bpaf)]
struct Joining {
    /// Make this machine known to the collector that listens here; the port is 7443 when left out
    #[bpaf(argument("HOST:PORT"))]
    collector: Address,
    #[bpaf(external, optional)]
    given: Option<Given>,
}

impl Install {
    pub(super) fn execute(self, state_dir: &Path, config_file: &Path) -> Result<()> {
        service::check().context("nothing was installed")?;
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
        match (Identity::load(&state.dir("identity")?), self.joining) {
            (Ok(identity), Some(Joining { collector: wanted, .. })) if wanted != identity.collector => bail!(
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
            (Err(_), Some(Joining { collector, given })) => {
                let enroll = Enroll::new(collector, given);
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
