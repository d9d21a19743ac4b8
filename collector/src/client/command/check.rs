use std::path::PathBuf;

use clap::Subcommand;
use firstline_diagnosis::vocabulary::Timestamp;

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Check {
    /// The checks in force: what they read, and on which systems that exists.
    #[command(after_help = "Examples:\n  firstline check list\n  firstline check list --endpoint ada-laptop")]
    List {
        /// In force on this endpoint, with the files that are for its tags only. Absent: what is for everybody.
        #[arg(long)]
        endpoint: Option<String>,
    },
    /// All about one check: what it means, reads, says, and what to do about it.
    Show {
        /// Its id.
        id: String,
        /// As it is in force on this endpoint.
        #[arg(long)]
        endpoint: Option<String>,
    },
    /// What people say, which checks are looked at then and in which order, and the closed tickets that say so.
    #[command(after_help = "Examples:\n  firstline check symptoms\n  firstline check symptoms slow-computer")]
    Symptoms {
        /// Only this one: its id, its label, or words of a ticket.
        symptom: Option<String>,
    },
    /// Try a check file on top of the built-in catalogue, without putting it in force.
    Test {
        /// The file (TOML).
        file: PathBuf,
    },
    /// Run recordings through detection, on this machine and on a virtual clock: what fired when, incidents, and the diagnosis.
    #[command(
        after_help = "Examples:\n  firstline endpoint record ada-laptop --from 2026-03-02T08:00:00Z > ada.jsonl\n  firstline check replay ada.jsonl --symptom \"very slow\"\n  firstline check replay ada.jsonl --checks my-checks.toml --at 2026-03-02T10:30:00Z\n  firstline check replay office/*.jsonl"
    )]
    Replay {
        /// The recordings, each of one endpoint or of several; - for standard input. Incidents are seen across all of them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What the person complains of, in their words.
        #[arg(long)]
        symptom: Option<String>,
        /// Stop at this moment (RFC 3339); at the last line when absent.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Lay this check file over the built-in catalogue. May be given several times.
        #[arg(long, value_name = "FILE")]
        checks: Vec<PathBuf>,
    },
    /// Run a check file over what endpoints told in the past: how often, where and for how long it would have fired.
    #[command(
        after_help = "Examples:\n  firstline check rehearse my-checks.toml --days 30\n  firstline check rehearse my-checks.toml --days 7 --search site=berlin"
    )]
    Rehearse {
        /// The file (TOML).
        file: PathBuf,
        /// Over the last so many days.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
        /// Only endpoints with these words in name, id, a user's name or a tag.
        #[arg(long)]
        search: Option<String>,
    },
}
