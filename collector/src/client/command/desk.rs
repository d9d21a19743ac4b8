//! Other ticket systems, and what goes out to them.

use clap::{Args, Subcommand};
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Desk {
    /// Print the table of a desk for the collector's firstline.toml, once it was checked. Needs no collector.
    #[command(
        after_help = "Example:\n  firstline desk add helpdesk --url https://rt.example.com --token-file rt.token --queue Workstations >> /var/lib/firstline/firstline.toml"
    )]
    Add(Box<NewDesk>),
    /// The desks of the configuration, and how they stand.
    List,
    /// The words of a desk: what the configuration calls queues, states, priorities and categories, and what the desk calls
    /// them now.
    Show {
        /// Its name in the configuration.
        desk: String,
    },
    /// Try out a desk on a test ticket: verify, maps, find, note, attach, resolve.
    #[command(after_help = "Examples:\n  firstline desk test helpdesk\n  firstline desk test helpdesk --ticket 4711")]
    Test {
        /// Its name in the configuration.
        desk: String,
        /// A ticket there that may be written on and is resolved in the end. Absent: a new one is opened.
        #[arg(long)]
        ticket: Option<String>,
    },
}

/// The table of a desk, in the names of the configuration.
#[derive(Debug, Args, Serialize)]
pub(in crate::client) struct NewDesk {
    /// What it is called here: small letters, digits and -.
    pub(in crate::client) name: String,
    /// Which system it is: request-tracker, zammad, servicenow, glpi, bmc-helix, zendesk, freshservice, freshdesk
    /// or jira-service-management.
    #[arg(long, default_value = "request-tracker")]
    pub(in crate::client) kind: String,
    /// Its address, up to where its pages begin.
    #[arg(long)]
    pub(in crate::client) url: String,
    /// Whose token it is, an e-mail address; only for kinds that want to know.
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) user: Option<String>,
    /// The OAuth client whose secret the token is (servicenow).
    #[arg(long, value_name = "ID")]
    pub(in crate::client) client_id: Option<String>,
    /// File with the token of the application (glpi).
    #[arg(long, value_name = "FILE")]
    pub(in crate::client) app_token_file: Option<String>,
    /// File with its token, below the collector's data folder or with its whole path.
    #[arg(long, value_name = "FILE")]
    pub(in crate::client) token_file: Option<String>,
    /// Variable in the collector's environment with its token.
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) token_variable: Option<String>,
    /// A queue whose new tickets are looked at. May be given several times.
    #[arg(long = "queue", value_name = "QUEUE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::client) queues: Vec<String>,
    /// Field of its tickets that names the computer.
    #[arg(long, value_name = "FIELD")]
    pub(in crate::client) device_field: Option<String>,
    /// What tickets are that are opened there, in its word; only for kinds whose tickets have types.
    #[arg(long, value_name = "TYPE")]
    pub(in crate::client) ticket_type: Option<String>,
    /// The time zone of its times, such as Europe/Berlin (glpi).
    #[arg(long, value_name = "ZONE")]
    pub(in crate::client) time_zone: Option<String>,
    /// Field of its tickets that takes the mark by which a ticket that was opened is found again (bmc-helix).
    #[arg(long, value_name = "FIELD")]
    pub(in crate::client) mark_field: Option<String>,
    /// What is written as closing code of what is resolved (servicenow, bmc-helix).
    #[arg(long, value_name = "CODE")]
    pub(in crate::client) close_code: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Output {
    /// Print the table of an output for the collector's firstline.toml, once it was checked. Needs no collector.
    #[command(
        after_help = "Example:\n  firstline output add automation --url https://hooks.example.com/firstline --secret-file automation.secret >> /var/lib/firstline/firstline.toml"
    )]
    Add(Box<NewOutput>),
    /// The outputs of the configuration, and how they stand.
    List,
    /// Send a test event to an output.
    Test {
        /// Its name in the configuration.
        output: String,
    },
}

/// The table of an output, in the names of the configuration.
#[derive(Debug, Args, Serialize)]
pub(in crate::client) struct NewOutput {
    /// What it is called here: small letters, digits and -.
    pub(in crate::client) name: String,
    /// What it is: webhook or servicenow-events.
    #[arg(long, default_value = "webhook")]
    pub(in crate::client) kind: String,
    /// Its address: of a webhook the whole one, of a ServiceNow up to where its pages begin.
    #[arg(long)]
    pub(in crate::client) url: String,
    /// Whose password the secret is (servicenow-events).
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) user: Option<String>,
    /// The OAuth client whose secret it is (servicenow-events).
    #[arg(long, value_name = "ID")]
    pub(in crate::client) client_id: Option<String>,
    /// File with its secret, below the collector's data folder or with its whole path.
    #[arg(long, value_name = "FILE")]
    pub(in crate::client) secret_file: Option<String>,
    /// Variable in the collector's environment with its secret.
    #[arg(long, value_name = "NAME")]
    pub(in crate::client) secret_variable: Option<String>,
    /// What is less bad is not told: info, low, medium, high or critical.
    #[arg(long, value_name = "SEVERITY")]
    pub(in crate::client) least_severity: Option<String>,
    /// Only findings of this category and what is below it. May be given several times.
    #[arg(long = "category", value_name = "CATEGORY")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::client) categories: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Outbox {
    /// What goes out to other desks and to outputs, newest first.
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
