use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::{Data, say};
use crate::app::{App, Running, SystemClock};
use crate::config::{Config, Log, LogFormat};

mod database;
mod files;
mod signals;
mod supervisor;

use signals::{Signal, Signals};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Address and port for agents, instead of the configured one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen_agents: Option<SocketAddr>,
    /// Address and port for people, instead of the configured one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen_people: Option<SocketAddr>,
    /// Print the addresses as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Where the collector can be reached.
#[derive(Serialize)]
struct Addresses {
    agents: SocketAddr,
    people: SocketAddr,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let file = Config::read(&arguments.data.folder)?;
    let mut config = file.clone();
    start_log(&config.log)?;
    crate::metrics::install();
    config.listen.agents = arguments.listen_agents.unwrap_or(config.listen.agents);
    config.listen.people = arguments.listen_people.unwrap_or(config.listen.people);
    let streams = config.limits.streams;
    config.limits.streams = files::make_room(streams);
    let fit = config.limits.streams;
    let mut signals = Signals::listen().context("listening for signals")?;
    database::refuse_empty(&arguments.data.folder, &config).await?;
    let app = App::open(&arguments.data.folder, config, Arc::new(SystemClock)).await?;
    app.fleet.warn_of_locked_out().await?;
    let endpoints = app.fleet.counts().await?.iter().map(|(_, count)| *count).sum();
    files::warn_when_short(fit, streams, endpoints);
    let running = app.start()?;
    announce(&running, arguments.json)?;
    supervisor::ready(&format!("agents on {}, people on {}", running.agents, running.people));
    while signals.next().await == Signal::Reload {
        reload(&running, &arguments.data.folder, &file).await;
    }
    supervisor::stopping();
    info!("The collector stops");
    running.end().await;
    Ok(())
}

/// Says where the collector can be reached: on standard output for scripts, and in the log.
fn announce(running: &Running, json: bool) -> anyhow::Result<()> {
    let addresses = Addresses { agents: running.agents, people: running.people };
    let words = || format!("agents {}\npeople https://{}", running.agents, running.people);
    say(&mut std::io::stdout(), &if json { serde_json::to_string(&addresses)? } else { words() });
    info!(agents = %running.agents, people = %running.people, "The collector serves");
    Ok(())
}

/// Reads the configuration again; a bad file leaves the old one in force. What a restart would change is named: it differs from
/// what was there when this collector started.
async fn reload(running: &Running, folder: &Path, at_start: &Config) {
    let config = match Config::read(folder).map_err(anyhow::Error::from) {
        Ok(config) => config,
        Err(cause) => {
            error!("Nothing was taken over, what was in force stays: {cause:#}");
            return;
        }
    };
    if let Err(cause) = running.reload(&config).await {
        // One line, however much is wrong with the checks.
        let cause = format!("{cause:#}").replace('\n', "; ");
        error!("The configuration was read again, and not all of it is in force: {cause}");
        return;
    }
    let waiting = at_start.needing_restart(&config).join(", ");
    if waiting.is_empty() {
        info!("The configuration was read again");
    } else {
        warn!("The configuration was read again, but these need a restart to come into force: {waiting}");
    }
}

/// Sends logs to standard error. `FIRSTLINE_LOG` overrides the configured level.
fn start_log(log: &Log) -> anyhow::Result<()> {
    let level = std::env::var("FIRSTLINE_LOG").unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(&level).with_context(|| format!("log.level {level:?} is not a level or filter"))?;
    // What the library says about its pool at the level of news is told once by the store, in our words.
    let filter = if level.contains("sqlx") {
        filter
    } else {
        let quiet = ["sqlx=warn", "sqlx_core=warn", "sqlx::pool=error", "sqlx::postgres::notice=error"];
        quiet.into_iter().try_fold(filter, |filter, one| Ok::<_, anyhow::Error>(filter.add_directive(one.parse()?)))?
    };
    // And what the one of NATS says about its connection, by the replicas.
    let filter = if level.contains("async_nats") { filter } else { filter.add_directive("async_nats=off".parse()?) };
    let colours = std::io::stderr().is_terminal();
    // A line that cannot be written is lost: to say so where it could not be written would end the task that logs.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(colours).log_internal_errors(false);
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|cause| anyhow::anyhow!("starting the log: {cause}"))
}
