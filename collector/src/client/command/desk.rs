//! Other ticket systems, and what goes out to them.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Desk {
    /// Print the table of a desk for the collector's firstline.toml, once it was checked. Needs no collector.
    #[command(
        after_help = "Example:\n  firstline desk add helpdesk --url https://rt.example.com --token-file rt.token --queue Workstations >> /var/lib/firstline/firstline.toml"
    )]
    Add {
        /// What it is called here: small letters, digits and -.
        name: String,
        /// Which system it is.
        #[arg(long, default_value = "request-tracker")]
        kind: String,
        /// Its address, up to where its pages begin.
        #[arg(long)]
        url: String,
        /// File with its token, below the collector's data folder or with its whole path.
        #[arg(long, value_name = "FILE")]
        token_file: Option<String>,
        /// Variable in the collector's environment with its token.
        #[arg(long, value_name = "NAME")]
        token_variable: Option<String>,
        /// A queue whose new tickets are looked at. May be given several times.
        #[arg(long = "queue", value_name = "QUEUE")]
        queues: Vec<String>,
        /// Field of its tickets that names the computer.
        #[arg(long, value_name = "FIELD")]
        device_field: Option<String>,
    },
    /// The desks of the configuration, and how they stand.
    List,
    /// Try out a desk on a test ticket: verify, find, note, attach, resolve.
    #[command(after_help = "Examples:\n  firstline desk test helpdesk\n  firstline desk test helpdesk --ticket 4711")]
    Test {
        /// Its name in the configuration.
        desk: String,
        /// A ticket there that may be written on and is resolved in the end. Absent: a new one is opened.
        #[arg(long)]
        ticket: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Outbox {
    /// What goes out to other desks, newest first.
    List {
        /// Only what is in this state.
        #[arg(long, value_parser = ["waiting", "sending", "done", "failed", "dropped"])]
        state: Option<String>,
        /// Only of this ticket, FL-1001.
        #[arg(long)]
        ticket: Option<String>,
    },
    /// Have a delivery tried again now.
    Retry {
        /// Its id.
        id: String,
    },
    /// Give up a delivery.
    Drop {
        /// Its id.
        id: String,
    },
}
