//! What can be said about endpoints.

use clap::Subcommand;

use crate::client::moment::Moment;

#[derive(Debug, Subcommand)]
pub(in crate::client) enum Endpoint {
    /// The endpoints.
    List {
        /// Part of a name, id, user or tag.
        #[arg(long)]
        search: Option<String>,
        /// Only those in this state.
        #[arg(long, value_parser = ["online", "asleep", "silent", "offline", "revoked"])]
        state: Option<String>,
        /// Only those with this tag: its name, or NAME=VALUE.
        #[arg(long)]
        tag: Option<String>,
        /// At most so many; all of them when absent.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// One endpoint, by name or id.
    Show {
        /// Its name or id.
        endpoint: String,
    },
    /// Its tags and where each comes from; `add` and `remove` change them.
    #[command(
        after_help = "A tag comes from the enrolment token, from people, or from a rule of the collector's configuration ([tags]).\n\nExamples:\n  firstline endpoint tag ada-laptop\n  firstline endpoint tag ada-laptop add site=berlin ring=1\n  firstline endpoint tag ada-laptop remove ring"
    )]
    Tag {
        /// Its name or id.
        endpoint: String,
        #[command(subcommand)]
        change: Option<TagChange>,
    },
    /// Programs, drivers, hardware and settings: now or at a moment, and what changed since another.
    #[command(
        after_help = "A moment is RFC 3339 (2026-11-20T09:00:00Z), a day (2026-11-20), or how long ago (36h, 7d).\n\nExamples:\n  firstline endpoint inventory ada-laptop --since 7d\n  firstline endpoint inventory ada-laptop --at 2026-11-20 --search nvidia"
    )]
    Inventory {
        /// Its name or id.
        endpoint: String,
        /// As it was then; now when absent.
        #[arg(long, value_name = "MOMENT")]
        at: Option<Moment>,
        /// Also what changed from then on.
        #[arg(long, value_name = "MOMENT")]
        since: Option<Moment>,
        /// Only what has all these words in its name, instance or value.
        #[arg(long)]
        search: Option<String>,
        /// Only software, driver, hardware or setting.
        #[arg(long)]
        group: Option<String>,
    },
    /// What differs on it between two moments.
    #[command(
        after_help = "A moment is RFC 3339, a day, or how long ago (36h, 7d).\n\nExamples:\n  firstline endpoint changes ada-laptop\n  firstline endpoint changes ada-laptop --since 3d\n  firstline endpoint changes ada-laptop --since 2026-01-21T08:00:00Z --until 2026-01-22T08:00:00Z"
    )]
    Changes {
        /// Its name or id.
        endpoint: String,
        /// The earlier moment. Absent: two weeks before the other.
        #[arg(long, value_name = "MOMENT")]
        since: Option<Moment>,
        /// The later moment. Absent: now.
        #[arg(long, value_name = "MOMENT")]
        until: Option<Moment>,
    },
    /// Revoke its certificate. It must be enrolled again to come back.
    Revoke {
        /// Its name or id.
        endpoint: String,
    },
    /// Print what it told, as a recording (JSON Lines) that `firstline check replay` reads.
    #[command(
        after_help = "Examples:\n  firstline endpoint record ada-laptop > ada.jsonl\n  firstline endpoint record ada-laptop --from 90m > ada.jsonl\n  firstline endpoint record ada-laptop --from 2026-03-02T08:00:00Z --to 2026-03-02T12:00:00Z --all > ada.jsonl"
    )]
    Record {
        /// Its name or id.
        endpoint: String,
        /// From when: 2026-11-20T09:00:00Z, 2026-11-20, or how long ago: 90m. 24 hours ago when absent.
        #[arg(long, value_name = "TIME")]
        from: Option<Moment>,
        /// Up to when, in the same ways; now when absent.
        #[arg(long, value_name = "TIME")]
        to: Option<Moment>,
        /// Everything, not only what checks read.
        #[arg(long)]
        all: bool,
    },
    /// Machines that were enrolled again and are two endpoints.
    Duplicates,
    /// Make an earlier endpoint of the same machine a part of a later one's past. It cannot be undone.
    #[command(
        after_help = "Example:\n  firstline endpoint merge 01a2020d-4bf8-7557-bd3b-8f94fa6158e8 --into ada-laptop"
    )]
    Merge {
        /// Name or id of the earlier one.
        earlier: String,
        /// Name or id of the one that the machine is now.
        #[arg(long)]
        into: String,
    },
    /// Take it out of service: revoked, and listed with the revoked only.
    Decommission {
        /// Its name or id.
        endpoint: String,
        /// Delete what it recorded at once; tickets and the audit log stay.
        #[arg(long)]
        forget: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::client) enum TagChange {
    /// Set tags; one that is there gets the other value.
    Add {
        /// NAME=VALUE.
        #[arg(required = true, value_parser = super::tag)]
        tags: Vec<(String, String)>,
    },
    /// Remove tags. What a rule gives stays.
    Remove {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}
