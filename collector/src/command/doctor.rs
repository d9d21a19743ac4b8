use anyhow::bail;

use super::{Data, say};
use crate::app::{Clock as _, SystemClock};
use crate::doctor::{self, Depth, Level, Report};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Leave out what reads the whole database, such as the search for damage.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let depth = if arguments.quick { Depth::Quick } else { Depth::Whole };
    let report = doctor::examine(&arguments.data.folder, depth, SystemClock.now()).await;
    say(&mut std::io::stdout(), &if arguments.json { serde_json::to_string(&report)? } else { words(&report) });
    match report.faults() {
        0 => Ok(()),
        1 => bail!("one thing is wrong"),
        count => bail!("{count} things are wrong"),
    }
}

fn words(report: &Report) -> String {
    let mut lines: Vec<String> = report.facts.iter().map(|(name, fact)| format!("{name:<14}{fact}")).collect();
    for finding in &report.findings {
        let level = if finding.level == Level::Fault { "WRONG" } else { "ADVICE" };
        lines.push(format!(
            "\n{level}  {}\n  where  {}\n  why    {}\n  do     {}",
            finding.what, finding.at, finding.why, finding.remedy
        ));
    }
    if report.findings.is_empty() {
        lines.push("\nNothing is wrong.".to_owned());
    }
    lines.join("\n")
}
