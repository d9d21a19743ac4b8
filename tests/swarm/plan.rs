//! What the person at the command line wants.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Puts a collector under the load of thousands of simulated agents, and proves that it stored what they sent.
///
/// Every agent speaks the real protocol over mutual TLS 1.3 with a key and certificate of its own, which it gets as any
/// machine does: by enrolling with a token. The tool makes the data folder with `firstline-collector init`, starts the
/// collector, and at the end reads the database and compares it with what was sent, record by record.
#[derive(Debug, Parser)]
#[command(
    name = "swarm",
    after_help = "Examples:\n  tests/measure swarm                       1,000 agents, everything, about six minutes\n  \
                  tests/measure swarm --agents 10000        ten thousand\n  \
                  tests/measure swarm --large 0 --burst 300 --phases burst,floors\n                                            \
                  the rate of 40 to 60 numbers, against the floors\n  \
                  tests/measure swarm half-open 127.0.0.1:7443 --connections 10000\n                                            \
                  connections that never finish their handshake\n  \
                  tests/measure swarm --agents 5000 --phases return\n                                            \
                  5,000 come back at once, an hour of backlog each\n  \
                  tests/measure swarm --agents 2000 --replicas 2 --phases live,burst,kill\n                                            \
                  two collectors with PostgreSQL and NATS\n\n\
                  Exit status: 0 when everything that was sent is stored once, 1 when not."
)]
pub(super) struct Plan {
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// How many agents.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) agents: u32,
    /// So many collectors with PostgreSQL and NATS; 0: one with SQLite.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=8))]
    pub(super) replicas: u32,
    /// So many processes for the agents, since each may open only so many files; 0: they live in this one.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(super) processes: u32,
    /// How many in a hundred report about 200 series; the others 40 to 60.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub(super) large: u64,
    /// Minutes of ordinary life.
    #[arg(long, default_value_t = 2)]
    pub(super) minutes: u64,
    /// Seconds between two samples of an agent in ordinary life.
    #[arg(long, default_value_t = 60)]
    pub(super) period: u64,
    /// Samples that each agent sends as fast as they are acknowledged, one in a frame.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=2500))]
    pub(super) burst: u32,
    /// Pulls that are made while everybody is connected.
    #[arg(long, default_value_t = 20)]
    pub(super) pulls: usize,
    /// Agents that come back at once; all, when not given.
    #[arg(long)]
    pub(super) returning: Option<u32>,
    /// Minutes of backlog that each of them has, a sample a minute.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=2500))]
    pub(super) backlog: u32,
    /// Agents that may shake hands for the first time at once.
    #[arg(long, default_value_t = 64)]
    pub(super) handshakes: usize,
    /// What is done, in this order.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Phase::ALL)]
    pub(super) phases: Vec<Phase>,
    /// Lines to add to the collector's configuration, from a file.
    #[arg(long)]
    pub(super) configuration: Option<PathBuf>,
}

/// Parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Phase {
    /// A sample a minute; some agents sleep, some lose their network, some are asked for a snapshot.
    Live,
    /// As fast as it goes.
    Burst,
    /// Agents that were cut off for an hour come back at the same moment, each with what it recorded meanwhile.
    Return,
    /// The collector (of several: one) is killed and started again; everybody comes back.
    Kill,
    /// The collector (of several: one) is told to stop and started again; everybody was told when to come back.
    Drain,
    /// The same frames to a server that throws them away, the same bytes to a bare database.
    Floors,
}

impl Phase {
    const ALL: [Self; 6] = [Self::Live, Self::Burst, Self::Return, Self::Kill, Self::Drain, Self::Floors];
}

/// What the tool is also started as.
#[derive(Debug, Subcommand)]
pub(super) enum Part {
    /// Opens connections that never finish their handshake, and holds them until the collector closes them.
    HalfOpen {
        /// The agents' port.
        server: std::net::SocketAddr,
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
    },
    /// Machines that live for months in a database of their own, and what that takes.
    History {
        /// How many machines.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
        endpoints: u32,
        /// How many days, two at least.
        #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(2..=1000))]
        days: u64,
        /// Where the database lies meanwhile; without it where temporary files do.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Machines that another process orders about.
    #[command(hide = true)]
    Crew(CrewPlan),
    /// A server that takes the same frames and throws them away.
    #[command(hide = true)]
    FloorStream {
        /// Data folder whose authority it uses.
        data: PathBuf,
    },
    /// A database that takes the same bytes and nothing else.
    #[command(hide = true)]
    FloorRows {
        /// The file.
        file: PathBuf,
        /// How many rows.
        rows: u64,
        /// Bytes of each.
        bytes: usize,
        /// Rows of a transaction.
        batch: usize,
    },
}

/// Machines in a process of their own.
#[derive(Debug, clap::Args)]
pub(super) struct CrewPlan {
    /// File with their keys; it is removed.
    pub(super) keys: PathBuf,
    /// Where they go.
    #[arg(long, value_delimiter = ',')]
    pub(super) servers: Vec<std::net::SocketAddr>,
    /// Number of the first.
    #[arg(long)]
    pub(super) first: usize,
    /// As of the parent.
    #[arg(long)]
    pub(super) large: u64,
    /// As of the parent.
    #[arg(long)]
    pub(super) handshakes: usize,
}

impl Plan {
    pub(super) fn wants(&self, phase: Phase) -> bool {
        self.phases.contains(&phase)
    }

    pub(super) fn period(&self) -> Duration {
        Duration::from_secs(self.period.max(1))
    }

    /// How many come back at once.
    pub(super) fn returning(&self) -> u32 {
        self.returning.unwrap_or(self.agents).min(self.agents)
    }

    /// Agents that live in one process.
    pub(super) fn of_a_process(&self) -> u32 {
        self.agents.div_ceil(self.processes.max(1))
    }

    pub(super) fn span(&self) -> Duration {
        Duration::from_mins(self.minutes)
    }
}
