//! Thousands of simulated agents in one process, and what a collector makes of them. `swarm --help` says how.
//!
//! The agents are those of [`machine`]; they live through phases that [`Run`] gives out, in this process or in others
//! ([`crew`]), and add up what they send. At the end the database of what was under load ([`house`]) is read and compared with
//! that. Figures come with floors from the same run: a bare
//! server that takes the same frames and throws them away, and a bare database that takes the same bytes.

mod crew;
mod crowd;
mod day;
mod floor;
mod half_open;
mod history;
mod house;
mod layouts;
mod link;
mod machine;
mod metrics;
mod phases;
mod plan;
mod process;
mod pulls;
mod report;
mod snapshot;
mod spool;
mod stored;
mod world;

use std::process::ExitCode;

use clap::Parser as _;
use phases::Run;
use plan::{Part, Plan};

fn main() -> ExitCode {
    let plan = Plan::parse();
    let files = process::raise_open_files();
    let needed = u64::from(plan.of_a_process()) + 200;
    if plan.part.is_none() && files < needed {
        eprintln!(
            "swarm: {needed} files must be open at once, {files} may be; raise `ulimit -n`, or take fewer --agents or more \
             --processes"
        );
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.expect("a runtime starts").block_on(begin(plan)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("swarm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was sent is stored.
async fn begin(plan: Plan) -> anyhow::Result<bool> {
    match &plan.part {
        None => Run::begin(plan).await?.go().await,
        Some(Part::HalfOpen { server, connections }) => {
            half_open::run(*server, *connections).await;
            Ok(true)
        }
        Some(Part::History { endpoints, days, folder }) => {
            history::run(*endpoints, *days, folder.clone()).await.map(|()| true)
        }
        Some(Part::Crew(plan)) => crew::serve(plan).await.map(|()| true),
        Some(Part::FloorStream { data }) => floor::serve(data).await.map(|()| true),
        Some(Part::FloorRows { file, rows, bytes, batch }) => {
            floor::append(file, *rows, *bytes, *batch).await.map(|()| true)
        }
    }
}
