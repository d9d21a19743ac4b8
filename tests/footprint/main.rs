//! What the agent takes from a machine at rest, beside a floor and beside what others install for comparable work.
//!
//! ```text
//! tests/measure footprint [--minutes 10] [--idle 0,400,2000]
//! ```
//!
//! For each number of idle processes everything runs side by side on the same machine for the same time: the agent
//! (enrolled at a collector, default settings, all probes, through a relay that counts what it sends), a reader of the
//! same files that uses nothing but the standard library and keeps nothing, and those of node_exporter, collectd,
//! zabbix_agentd and netdata that are installed, asked as often. Processor time and wake-ups are added up from every
//! thread twice a second, since a thread that ends takes its counts along; the figures are medians of the minutes.
//!
//! Bytes sent are those of the agent's connection, TLS and all; the answers of node_exporter and netdata, asked as
//! Prometheus does, and of zabbix_agentd; and the packets of collectd's network plugin. The others encrypt nothing here.

mod floor;
mod idle;
mod others;
mod relay;
mod subject;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use firstline_tests::{Agent, Stage, binary, wait};
use subject::{Account, Subject};

/// Time for everybody to start, read what is read once, and say hello.
const WARM_UP: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "floor") {
        floor::run();
    }
    let (minutes, counts) = match plan(&arguments) {
        Ok(plan) => plan,
        Err(complaint) => {
            eprintln!("footprint: {complaint}\nExample: footprint --minutes 10 --idle 0,400,2000");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    for count in counts {
        runtime.block_on(measure(count, minutes));
    }
    ExitCode::SUCCESS
}

fn plan(arguments: &[String]) -> Result<(u32, Vec<usize>), String> {
    let (mut minutes, mut counts) = (10, vec![0, 400, 2000]);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        let wrong = || format!("{argument} {value} is not understood");
        match argument.as_str() {
            "--minutes" => minutes = value.parse().ok().filter(|minutes| *minutes > 0).ok_or_else(wrong)?,
            "--idle" => {
                counts = value.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
            }
            _ => return Err(format!("there is no {argument}")),
        }
    }
    Ok((minutes, counts))
}

/// One table.
async fn measure(idle_processes: usize, minutes: u32) {
    let _idle = idle::Idle::start(idle_processes);
    let stage = Stage::open().await;
    let relay = relay::Relay::start(stage.collector.agents).await;
    let agent = start_agent(&stage, &relay).await;
    let floor = floor::start(&stage.folder("floor.log"));
    let mut subjects = vec![
        Subject::new("floor: reads the same files", floor.id(), None),
        Subject::new("firstline-agent", agent.process().id(), Some(relay.sent())),
    ];
    let mut others = others::start(&stage.folder("others"));
    subjects.extend(others.iter().map(|other| Subject::new(other.name, other.id(), other.sent())));
    eprintln!("{idle_processes} idle processes: warming up for {} s, then {minutes} minutes", WARM_UP.as_secs());
    watch(&mut subjects, WARM_UP).await;
    others.iter_mut().for_each(others::Other::must_run);
    subjects.iter_mut().for_each(Subject::begin);
    for minute in 1..=minutes {
        watch(&mut subjects, Duration::from_mins(1)).await;
        subjects.iter_mut().for_each(Subject::close_minute);
        eprint!("\rminute {minute} of {minutes}");
    }
    eprintln!();
    others.iter_mut().for_each(others::Other::must_run);
    let accounts: Vec<Account> = subjects.iter().map(Subject::account).collect();
    table::print(idle_processes, idle::processes(), minutes, &accounts);
}

/// The agent as it is installed, but for the address that it dials.
async fn start_agent(stage: &Stage, relay: &relay::Relay) -> Agent {
    let token = stage.token(serde_json::json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &token).await.done();
    let through = format!("collector = \"127.0.0.1:{}\"\n", relay.port);
    std::fs::write(agent.state.join("agent.toml"), through).expect("the configuration can be written");
    agent.start();
    eprintln!("measuring {}", binary::path("firstline-agent").display());
    agent
}

/// Looks at everybody twice a second.
async fn watch(subjects: &mut [Subject], span: Duration) {
    let end = tokio::time::Instant::now() + span;
    let mut beat = wait::turns(Duration::from_millis(500));
    while beat.tick().await < end {
        subjects.iter_mut().for_each(Subject::look);
    }
}
