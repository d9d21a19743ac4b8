//! What can be said at the command line.

mod check;
mod desk;
mod directory;
mod endpoint;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::moment::Moment;
use crate::report::Table;
use crate::ticket::ClosingCode;
pub(super) use check::Check;
pub(super) use desk::{Desk, NewDesk, NewOutput, Outbox, Output};
pub(super) use directory::Directory;
pub(super) use endpoint::{Endpoint, TagChange};

const EXAMPLES: &str = "\
Examples:
  firstline sign-in --collector https://firstline.example:8443 --user ada
  firstline token create --uses 25 --expires 24h --tag site=berlin
  firstline endpoint list --search ada
  firstline ticket open \"My computer is slow\" --sign-in ada
  firstline ticket attach FL-1001
  firstline pull ada-laptop --ticket FL-1001
  firstline alert watch
  firstline incident list
  firstline check test my-checks.toml
  firstline check rehearse my-checks.toml --days 30

Exit status: 0 done, 1 failed, 2 usage, 3 the collector cannot be reached.
The session is kept in ~/.config/firstline, or in the folder that FIRSTLINE_CONFIG names.";

/// The operator's command of Firstline.
#[derive(Debug, Parser)]
#[command(name = "firstline", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Line {
    /// Print one documented JSON object instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sign in to a collector and keep the session.
    SignIn(SignIn),
    /// End the session.
    SignOut,
    /// Tokens that machines enrol with.
    #[command(subcommand)]
    Token(Token),
    /// Workstations with an agent.
    #[command(subcommand)]
    Endpoint(Endpoint),
    /// Pull a fresh snapshot from an endpoint and say what is wrong.
    #[command(
        after_help = "Examples:\n  firstline pull ada-laptop\n  firstline pull ada-laptop --ticket FL-1001 --symptom \"very slow since monday\"\n  firstline pull ada-laptop --symptom \"froze about 10:40\"\n  firstline pull ada-laptop --around \"yesterday 16:10\""
    )]
    Pull(Pull),
    /// Tickets: of the built-in desk, and the pages of other desks' tickets.
    #[command(subcommand)]
    Ticket(Ticket),
    /// Other desks: whether they are set up well.
    #[command(subcommand)]
    Desk(Desk),
    /// Where alerts and diagnoses are told to programs: whether that is set up well.
    #[command(subcommand)]
    Output(Output),
    /// What goes out to other desks and to outputs.
    #[command(subcommand)]
    Outbox(Outbox),
    /// Directories of people: whether somebody can sign in.
    #[command(subcommand)]
    Directory(Directory),
    /// What people must be told about.
    #[command(subcommand)]
    Alert(Alert),
    /// One cause seen on many endpoints.
    #[command(subcommand)]
    Incident(Incident),
    /// The catalogue of checks.
    #[command(subcommand)]
    Check(Check),
    /// What diagnosing was worth: by desk, time to the first diagnosis, top findings, repeated tickets.
    #[command(after_help = "Examples:\n  firstline report --from 7d\n  firstline report --csv findings > findings.csv")]
    Report(Report),
    /// People who may sign in.
    #[command(subcommand)]
    Account(Account),
    /// Who read or changed what.
    #[command(subcommand)]
    Audit(Audit),
    /// The root under which certificates are, and its replacement.
    #[command(subcommand)]
    Authority(Authority),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The password comes from --password-file, from FIRSTLINE_PASSWORD, or is asked for.\n\nExamples:\n  firstline sign-in --collector https://firstline.example:8443 --user ada\n  firstline sign-in --collector https://127.0.0.1:8443 --ca firstline-data/authority/root.pem --user admin"
)]
pub(super) struct SignIn {
    /// The collector's address, https://HOST:PORT. Absent: the one of the last sign-in.
    #[arg(long, alias = "server", value_name = "URL")]
    pub collector: Option<String>,
    /// Trust the certificates of this file (PEM).
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub ca: Option<PathBuf>,
    /// Trust the authority with this SHA-256 fingerprint (hexadecimal, colons allowed).
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<String>,
    /// Your name there. Absent: it is asked for.
    #[arg(long, alias = "name", value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password from the first line of this file.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; its text is shown once.
    #[command(after_help = "Example:\n  firstline token create --uses 25 --expires 24h --tag site=berlin --tag ring=1")]
    Create {
        /// How many machines may enrol with it.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// For how long: 30m, 24h, 7d.
        #[arg(long, default_value = "24h", value_parser = seconds)]
        expires: u64,
        /// A tag for its endpoints, key=value. May be given several times.
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// The tokens.
    List,
    /// Make a token worthless.
    Revoke {
        /// Its id, as the list shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Pull {
    /// The endpoint's name or id.
    pub endpoint: String,
    #[command(flatten)]
    pub terms: PullTerms,
    /// Put the diagnosis on this ticket.
    #[arg(long)]
    pub ticket: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PullTerms {
    /// What the person complains of, in their words.
    #[arg(long)]
    pub symptom: Option<String>,
    /// When it was, by the clock at the machine: 10:40, "yesterday 16:10", "2026-01-21 10:40". Read out of the words of the
    /// symptom or the ticket where they name a time.
    #[arg(long, value_name = "TIME")]
    pub around: Option<String>,
    /// How long to wait for an endpoint that is away: 10m, 24h.
    #[arg(long, value_parser = seconds)]
    pub expires: Option<u64>,
    /// Order it and come back at once; prints the pull.
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Ticket {
    /// Open a ticket.
    #[command(
        after_help = "Example:\n  firstline ticket open \"My computer is slow\" --requester \"Ada L.\" --sign-in ada"
    )]
    Open {
        /// What is the matter, in one line.
        subject: String,
        /// What the person says.
        #[arg(long, default_value = "")]
        text: String,
        /// Who complains.
        #[arg(long, default_value = "")]
        requester: String,
        /// Their e-mail address.
        #[arg(long, default_value = "")]
        email: String,
        /// Their sign-in name on the machine.
        #[arg(long, default_value = "")]
        sign_in: String,
        /// The endpoint, by name or id, when it is known.
        #[arg(long)]
        endpoint: Option<String>,
    },
    /// The open tickets.
    List {
        /// Words in number, subject or requester.
        #[arg(long)]
        search: Option<String>,
        /// Resolved and closed ones, too.
        #[arg(long)]
        all: bool,
    },
    /// One ticket with its notes.
    Show {
        /// Its number, FL-1001.
        ticket: String,
    },
    /// Write a note.
    Note {
        /// The ticket's number.
        ticket: String,
        /// What it says.
        text: String,
    },
    /// Close a ticket of the built-in desk, and say how it ended; counted for the check that answered or fired.
    #[command(after_help = "Example:\n  firstline ticket close FL-1001 --code solved --note \"Emptied the bin\"")]
    Close {
        /// The ticket's number.
        ticket: String,
        /// How it ended.
        #[arg(long, value_enum)]
        code: ClosingCode,
        /// What was done, as a note.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Open a closed ticket of the built-in desk again.
    Reopen {
        /// The ticket's number.
        ticket: String,
    },
    /// Hand a ticket over with everything that is known: note, page, queue, category and priority.
    #[command(after_help = "Example:\n  firstline ticket escalate FL-1001 --reason \"Second disk in a week\"")]
    Escalate {
        /// The ticket's number.
        ticket: String,
        /// To which queue. Absent: the one that the finding names.
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        /// Why, for those who get it.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Pull a diagnosis into a ticket, or put one there from a file.
    #[command(
        after_help = "Examples:\n  firstline ticket attach FL-1001\n  firstline ticket attach FL-1001 --endpoint ada-laptop\n  firstline ticket attach FL-1001 --file diagnosis.json"
    )]
    Attach {
        /// The ticket's number.
        ticket: String,
        /// The endpoint. Absent: the ticket's own, or the one that fits its requester best.
        #[arg(long)]
        endpoint: Option<String>,
        /// Which desk the ticket is on; its number is the one that people type there.
        #[arg(long, default_value = "builtin")]
        desk: String,
        /// Instead of pulling: the file that `firstline-agent diagnose --save` wrote on a machine without a network.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "expires", "no_wait"])]
        file: Option<PathBuf>,
        #[command(flatten)]
        terms: PullTerms,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Alert {
    /// The alerts that are not resolved.
    List {
        /// Resolved ones, too.
        #[arg(long)]
        all: bool,
        /// Only those in this state.
        #[arg(long, value_parser = ["firing", "acknowledged", "silenced", "resolved"])]
        state: Option<String>,
        /// Findings that hold and of which nobody was told, with the reason, instead.
        #[arg(long, conflicts_with_all = ["all", "state"])]
        held_back: bool,
    },
    /// How much of a day's quota of alerts is spent, and what was rolled up.
    Budget {
        /// The day (UTC), 2026-01-21. Absent: today.
        #[arg(long, value_name = "DAY")]
        day: Option<String>,
    },
    /// How useful each check was, as tickets tell when they end.
    Useful,
    /// Alerts as they fire and change, until Ctrl-C. With --json: one alert a line.
    Watch,
    /// Say that you look at an alert.
    Ack {
        /// Its id.
        id: String,
        /// What others should know.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Keep an alert's check quiet on its endpoint.
    Silence {
        /// Its id.
        id: String,
        /// For how long: 30m, 4h, 7d.
        #[arg(long = "for", default_value = "4h", value_parser = seconds, value_name = "SPAN")]
        span: u64,
        /// Why.
        #[arg(long, default_value = "")]
        comment: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Incident {
    /// The incidents that are not over.
    List {
        /// Those that are over, too.
        #[arg(long)]
        all: bool,
    },
    /// One incident with its endpoints.
    Show {
        /// Its id.
        id: String,
    },
    /// Parts of one make that fail more than others: work for the hardware queue, no incident.
    Parts,
    /// Say that an incident is one: people and tickets are told.
    Confirm {
        /// Its id.
        id: String,
        /// What others should know.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Say that an incident is none: its endpoints' alerts are told again.
    Dismiss {
        /// Its id.
        id: String,
        /// What others should know.
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Authority {
    /// The root, how many endpoints know it, and when the one before can go.
    Status,
    /// Make a new root. Endpoints learn it while the present one is trusted on.
    Rotate,
    /// End the trust in the root before. People's browsers and the sessions of this command that trust it must be given the
    /// new one: `firstline sign-in`.
    Retire {
        /// Although endpoints depend on it, which must be enrolled again then.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// The entries, newest first.
    List {
        /// Words in a person, act, endpoint, ticket or address.
        #[arg(long, default_value = "")]
        search: String,
        /// At most so many, up to 500.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Only entries before this number.
        #[arg(long)]
        before: Option<i64>,
    },
    /// Walk the chain from its first entry: exit status 1 when an entry was changed or taken out. Keep number and hash
    /// elsewhere to see later whether the end was cut off.
    Verify,
}

#[derive(Debug, Args)]
pub(super) struct Report {
    /// From when: 2026-11-20, 2026-11-20T09:00:00Z, or how long ago: 7d. Absent: 30 days before the end.
    #[arg(long)]
    pub from: Option<Moment>,
    /// Up to when. Absent: now.
    #[arg(long)]
    pub to: Option<Moment>,
    /// Print one of its tables as comma-separated values.
    #[arg(long, value_name = "TABLE")]
    pub csv: Option<Table>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Make an account. Without a password one is made up and told once.
    Add {
        /// The name they type.
        name: String,
        /// technician, ops, administrator or auditor.
        #[arg(long, default_value = "technician")]
        role: String,
        /// Read the password from the first line of this file.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// The accounts.
    List,
    /// Change your own password; wherever else you are signed in, you are signed out.
    #[command(
        after_help = "The old password comes from --password-file, from FIRSTLINE_PASSWORD, or is asked for, as at sign-in; the new one\nfrom --new-password-file, or is asked for twice.\n\nExample:\n  firstline account password"
    )]
    Password {
        /// Read the old password from the first line of this file.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Read the new password from the first line of this file.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// Disable an account and end its sessions.
    Disable {
        /// Its name.
        name: String,
    },
}

/// `90s`, `30m`, `24h`, `7d`, in seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no span of time; write it like 30m, 24h or 7d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no tag; write it like site=berlin"))?;
    if key.is_empty() { Err("a tag has a key before the =".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn reads_spans_of_time() {
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("30m"), Ok(1800));
        for bad in ["", "h", "0h", "24", "24 h", "-1h", "99999999999999999999d", "5µ"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }
}
