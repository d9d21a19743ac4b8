use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Data, say};
use crate::backup::{self, Manifest, Restored};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The backup.
    #[arg(long, value_name = "FILE|FOLDER")]
    from: PathBuf,
    #[command(flatten)]
    data: Data,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was put back.
#[derive(Serialize)]
struct Document<'a> {
    data: &'a Path,
    /// A command that is still to be run, when the database was not in the backup.
    database_by_hand: Option<&'a str>,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let data = &arguments.data.folder;
    let tell = &mut |line: &str| say(&mut std::io::stderr(), line);
    let restored = backup::restore(&arguments.from, data, tell).await?;
    let text = if arguments.json {
        let (database_by_hand, manifest) = (restored.database_by_hand.as_deref(), &restored.manifest);
        serde_json::to_string(&Document { data, database_by_hand, manifest })?
    } else {
        words(data, &restored)
    };
    say(&mut std::io::stdout(), &text);
    Ok(())
}

/// What is there now, and what comes next: the collector knows nothing of what happened since the backup.
fn words(data: &Path, restored: &Restored) -> String {
    let manifest = &restored.manifest;
    let count = |name: &str| manifest.database.counts.get(name).copied().unwrap_or(0);
    let mut lines = vec![format!(
        "{} is the collector of {} again: {} endpoints, {} tickets, {} accounts. Every file is as it was backed up.",
        data.display(),
        manifest.taken_at,
        count("endpoints"),
        count("tickets"),
        count("accounts"),
    )];
    let missing =
        manifest.outside.iter().map(|path| format!("Put back yourself, since it was outside of the folder: {path}"));
    lines.extend(missing);
    lines.extend(restored.database_by_hand.iter().map(|command| format!("Put the database back first: {command}")));
    lines.push(format!(
        "\nNext\n  1. See to it that the old collector does not run: agents would meet either of the two.\n  \
         2. firstline-collector doctor --data {0}\n  3. firstline-collector serve --data {0}\n\n\
         What to expect\n  Agents come back by themselves, under the same addresses, and go on with what they record now. What \
         they\n  had handed over after {1} is not here and they no longer have it: that is\n  counted for each endpoint, in the log \
         and in firstline_collector_records_forgotten_total.\n  Endpoints that were enrolled since then are refused: enrol them \
         again.\n  What was revoked since then (endpoints, tokens, sessions, accounts) is valid again: revoke it again.\n  Tokens \
         have their uses of that day, and ticket numbers given since then are given again.",
        data.display(),
        manifest.taken_at,
    ));
    lines.join("\n")
}
