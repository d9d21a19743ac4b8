use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bpaf::Bpaf;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::Section;

use super::local::Local;
use crate::config::{Address, Config, STATE_DIR};
use crate::identity::{Identity, IdentityError, Token, enroll, evidence};
use crate::privacy::{Entry, Ledger, Sent};
use crate::service::{self, InstalledBy};
use crate::state::StateDir;
use crate::uplink::Routes;

pub(super) const EXAMPLES: &str = "Examples:
   firstline-agent enroll --collector collector.example.com:7443 --token fl1.…
   firstline-agent enroll --collector collector.example.com --token-file /run/token
   FIRSTLINE_TOKEN=fl1.… firstline-agent enroll --collector collector.example.com";

/// Makes a key on this machine, trusts the collector by the fingerprint in the token, and asks it for a certificate.
#[derive(Debug, Clone, Bpaf)]
#[bpaf(generate(options))]
pub(super) struct Enroll {
    /// Where the collector listens for agents; the port is 7443 when left out
    #[bpaf(argument("HOST:PORT"))]
    collector: Address,
    #[bpaf(external, optional)]
    given: Option<Given>,
    /// Enrol again although this machine is enrolled; it becomes a new endpoint
    again: bool,
}

/// How the token is given.
#[derive(Debug, Clone, Bpaf)]
pub(super) enum Given {
    Token(
        /// The token, as `firstline token create` printed it (visible to other people on this machine; better use a file)
        #[bpaf(long("token"), argument("TOKEN"))]
        String,
    ),
    File(
        /// A file that holds the token
        #[bpaf(long("token-file"), argument("FILE"))]
        PathBuf,
    ),
}

impl Enroll {
    /// An enrolment as part of an installation.
    pub(super) fn new(collector: Address, given: Option<Given>) -> Self {
        Self { collector, given, again: false }
    }

    pub(super) async fn execute(self, config: &Config, state: &StateDir) -> Result<()> {
        let dir = state.dir("identity")?;
        if !self.again {
            Self::refuse_twice(&dir)?;
        }
        if state.is_locked() {
            bail!("an agent runs with the state directory {}; stop it before enrolling", state.root().display());
        }
        let token: Token = self.token_text()?.parse()?;
        let local = Local::new(config, state);
        let readings = local.section(Section::Identity, Duration::from_secs(5)).await;
        let routes = Routes::of_this_machine(&config.proxy, Path::new("/")).map_err(anyhow::Error::msg);
        let routes = routes.context("the proxy's configuration cannot be used")?;
        let mut machine = local.machine(&readings);
        machine.hardware = evidence(Path::new("/"), &token.fingerprint);
        let identity = enroll(&dir, self.collector.clone(), &routes, &token, machine).await?;
        let entry = Entry { at: now(), to: self.collector.to_string(), sent: Sent::Enrolment };
        Ledger::at(state.path("ledger")).note(&entry).context("writing the ledger of what was sent")?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "This machine is enrolled at {} as endpoint {}.", self.collector, identity.endpoint_id)?;
        writeln!(out, "Its key was made here and stays in {}.", dir.display())?;
        Ok(())
    }

    /// What to do after an enrolment that was asked for alone.
    pub(super) fn next(state: &StateDir) -> String {
        let is_own = state.root() == std::path::Path::new(STATE_DIR);
        match service::state().filter(|service| is_own && service.installed_by != InstalledBy::Nobody) {
            Some(_) => "Next: systemctl start firstline-agent".to_owned(),
            None => format!("Next: firstline-agent run --state-dir {}", state.root().display()),
        }
    }

    /// A second enrolment by accident would make one machine two endpoints.
    fn refuse_twice(dir: &std::path::Path) -> Result<()> {
        match Identity::load(dir) {
            Err(IdentityError::NotEnrolled) => Ok(()),
            Ok(identity) => bail!(
                "this machine is already enrolled at {} as endpoint {}; use --again to make it a new endpoint",
                identity.collector,
                identity.endpoint_id
            ),
            Err(damaged) => Err(damaged).context("use --again to enrol this machine anew"),
        }
    }

    fn token_text(&self) -> Result<String> {
        if let Some(Given::File(path)) = &self.given {
            return std::fs::read_to_string(path).with_context(|| {
                let path = path.display();
                format!("reading the token from {path}; name a file with what `firstline token create` printed")
            });
        }
        let given = match &self.given {
            Some(Given::Token(token)) => Some(token.clone()),
            _ => std::env::var("FIRSTLINE_TOKEN").ok(),
        };
        given.context("no token was given; use --token, --token-file or the environment variable FIRSTLINE_TOKEN")
    }
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_that_is_not_there_is_told_with_what_to_do() {
        let given = Some(Given::File("/nonexistent/token.txt".into()));
        let enroll = Enroll::new("collector.example".parse().expect("an address"), given);
        let refused = enroll.token_text().expect_err("no such file").to_string();
        assert!(refused.contains("/nonexistent/token.txt") && refused.contains("firstline token create"), "{refused}");
    }
}
