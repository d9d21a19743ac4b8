use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Data, say};
use crate::app::{Clock as _, SystemClock};
use crate::backup::{self, Manifest};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// The new backup: one file when the name ends with .tar, else a folder. Nothing may have that name yet.
    #[arg(long, value_name = "FILE|FOLDER")]
    to: PathBuf,
    /// PostgreSQL: back up the rest only, since the server is backed up in another way.
    #[arg(long)]
    without_database: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was taken.
#[derive(Serialize)]
struct Taken<'a> {
    backup: &'a Path,
    bytes: u64,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let order = backup::Order {
        data: &arguments.data.folder,
        to: &arguments.to,
        without_database: arguments.without_database,
        now: SystemClock.now(),
    };
    let manifest = backup::take(&order, &mut |line| say(&mut std::io::stderr(), line)).await?;
    let taken = Taken { backup: &arguments.to, bytes: manifest.bytes(), manifest: &manifest };
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&taken)? } else { words(&taken) });
    Ok(())
}

fn words(taken: &Taken<'_>) -> String {
    let manifest = taken.manifest;
    let mut lines = vec![format!(
        "{} holds the collector of {}: {} files, {} KB. The authority's key is among them: keep it as you keep keys.",
        taken.backup.display(),
        manifest.taken_at,
        manifest.files.len(),
        taken.bytes.div_ceil(1024),
    )];
    if manifest.database.file.is_none() {
        lines.push("The server's database is not in it; it belongs to this backup.".to_owned());
    }
    lines.extend(
        manifest.outside.iter().map(|path| format!("Not in it, since it is outside of the data folder: {path}")),
    );
    lines
        .push(format!("Put it back with: firstline-collector restore --from {} --data NEWDIR", taken.backup.display()));
    lines.join("\n")
}
