//! What the outbox promises, with numbers: `outbox --help`.
//!
//! - So many notes go out to a desk that does every tenth call wrong (too many calls, a gateway's 502 before and after it was
//!   done, an answer that is cut off, a page with success). What is there in the end is counted at the desk: each note once.
//! - The same without faults, for how many a second.
//! - A ticket is opened at the desk about a computer whose agent is online: how long until its diagnosis is there, when the
//!   desk calls and when it is asked every five seconds.

mod desk;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use firstline_diagnosis::estimate::quantile;
use firstline_tests::{Stage, wait};
use serde_json::json;
use tempfile::TempDir;

use desk::{Desk, TOKEN};

/// How long everything may take.
const WITHIN: Duration = Duration::from_hours(2);
/// Tickets that notes are written onto.
const TICKETS: usize = 20;
/// The secret of the desk's calls.
const SECRET: &str = "knock-kn0ck";

/// Notes to a desk with faults, their rate without, and the time from a ticket to its diagnosis.
#[derive(Debug, Parser)]
struct Plan {
    /// Notes that are delivered.
    #[arg(long, default_value_t = 1000)]
    deliveries: usize,
    /// Every n-th call goes wrong.
    #[arg(long, default_value_t = 10)]
    fault_every: usize,
    /// Tickets whose way to their diagnosis is timed, each way.
    #[arg(long, default_value_t = 20)]
    tickets: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let plan = Plan::parse();
    let faulty = deliver(plan.deliveries, plan.fault_every).await;
    let plain = deliver(plan.deliveries, 0).await;
    diagnose(plan.tickets, true).await;
    diagnose(plan.tickets, false).await;
    if faulty && plain { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A collector with that desk; with `calls`, the desk calls as soon as something happened.
async fn stage(desk: &Desk, calls: bool) -> (Stage, TempDir) {
    let port = desk.serve().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let hook = format!("hook = {{ signature = \"secret\", secret_file = \"{}\" }}\n", secret("hook", SECRET));
    let configuration = format!(
        "[[desk]]\nname = \"helpdesk\"\nkind = \"zammad\"\nurl = \"http://127.0.0.1:{port}\"\ntoken_file = \"{}\"\n\
         queues = [\"Users\"]\npoll_seconds = 5\ndevice_field = \"device\"\n{}",
        secret("token", TOKEN),
        if calls { hook.as_str() } else { "" },
    );
    (Stage::open_with(&configuration).await, folder)
}

/// Delivers notes, and counts them at the desk; whether each is there once.
async fn deliver(deliveries: usize, fault_every: usize) -> bool {
    let desk = Desk::default();
    let (stage, _folder) = stage(&desk, false).await;
    let mut tickets = Vec::new();
    for _ in 0..TICKETS {
        let there = desk.open("nobody's");
        let page = stage.api.post(&format!("/api/v1/desks/helpdesk/tickets/{there}"), &json!({})).await;
        tickets.push(page["number"].as_str().expect("a number").to_owned());
    }
    let (before, _) = desk.calls();
    desk.fault_every(fault_every);
    let started = Instant::now();
    for index in 0..deliveries {
        let path = format!("/api/v1/tickets/{}/notes", tickets[index % TICKETS]);
        stage.api.post(&path, &json!({ "text": format!("note number {index} of all") })).await;
    }
    wait::for_condition("everything to be delivered", WITHIN, async || {
        let left = async |state: &str| {
            let list = stage.api.get(&format!("/api/v1/outbox?limit=1&state={state}")).await;
            list["deliveries"].as_array().is_some_and(|all| !all.is_empty())
        };
        !left("waiting").await && !left("sending").await
    })
    .await;
    let seconds = started.elapsed().as_secs_f64();
    let counts: Vec<usize> = (0..deliveries).map(|index| desk.count(&format!("note number {index} of all"))).collect();
    let lost = counts.iter().filter(|count| **count == 0).count();
    let doubled = counts.iter().filter(|count| **count > 1).count();
    let (calls, faults) = desk.calls();
    println!(
        "{deliveries} deliveries, {} calls, {faults} of them with a fault: {lost} lost, {doubled} doubled, {seconds:.1} s, \
         {:.1} deliveries a second",
        calls - before,
        deliveries as f64 / seconds
    );
    lost + doubled == 0
}

/// Times how long it is from a ticket at the desk to its diagnosis there.
async fn diagnose(tickets: usize, calls: bool) {
    let desk = Desk::default();
    let (stage, _folder) = stage(&desk, calls).await;
    let (_agent, endpoint) = stage.agent_online("agent").await;
    wait::for_condition("the desk to be looked at", WITHIN, async || {
        stage.api.get("/api/v1/desks").await["desks"][0]["looked_at"].is_string()
    })
    .await;
    let client = firstline_tests::collector::insecure();
    let hook = format!("{}/hooks/helpdesk", stage.collector.address());
    let mut seconds = Vec::new();
    for _ in 0..tickets {
        let (opened, number) = (Instant::now(), desk.open(&endpoint));
        if calls {
            let call = client.post(&hook).header("x-firstline-secret", SECRET).body("{}").send().await;
            assert!(call.expect("the collector answers").status().is_success(), "the call was refused");
        }
        let noted = wait::until("the diagnosis", WITHIN, async || desk.noted_at(&number)).await;
        seconds.push(noted.duration_since(opened).as_secs_f64());
    }
    let way = if calls { "the desk calls" } else { "the desk is asked every 5 s" };
    let [p50, p95] = [0.5, 0.95].map(|share| quantile(&seconds, share).unwrap_or_default());
    println!("ticket opened, diagnosis on it ({way}), {tickets} tickets: p50 {p50:.1} s, p95 {p95:.1} s");
}
