//! Directories of people.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Directory {
    /// The directories of the configuration.
    List,
    /// Try out a directory: connect, sign in, base, find, read.
    #[command(after_help = "Examples:\n  firstline directory test corp\n  firstline directory test corp --account ada")]
    Test {
        /// Its name in the configuration.
        directory: String,
        /// An account that is looked for. Absent: the one by which the directory is asked.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Whether the owner of an account can sign in: locked, disabled, ended, password. The look is in the audit log.
    #[command(after_help = "Example:\n  firstline directory look ada@example.com --ticket FL-1001")]
    Look {
        /// Sign-in name or e-mail address.
        name: String,
        /// For which ticket.
        #[arg(long)]
        ticket: Option<String>,
    },
}
