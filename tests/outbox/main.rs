//! What the outbox promises, with numbers: `outbox --help`.
//!
//! - So many notes go out to a desk that does every tenth call wrong (too many calls, a gateway's 502 before and after it was
//!   done, an answer that is cut off, a page with success). What is there in the end is counted at the desk: each note once.
//! - The same without faults, for how many a second.
//! - A ticket is opened at the desk about a computer whose agent is online: how long until its diagnosis is there, when the
//!   desk calls and when it is asked every five seconds.
//!
//! All of it at a stand-in, which takes no time of its own, and at a real Request Tracker as it is installed.

mod desk;
mod faults;
mod place;
mod relay;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use firstline_diagnosis::estimate::quantile;
use firstline_tests::{Stage, wait};
use serde_json::json;
use tempfile::TempDir;

use place::Place;

/// How long everything may take.
const WITHIN: Duration = Duration::from_hours(2);
/// Tickets that notes are written onto.
const TICKETS: usize = 20;
/// The secret of the desk's calls.
const SECRET: &str = "knock-kn0ck";

/// Notes to a desk with faults, their rate without, and the time from a ticket to its diagnosis.
#[derive(Debug, Parser)]
struct Plan {
    /// Notes that are delivered to the stand-in.
    #[arg(long, default_value_t = 1000)]
    deliveries: usize,
    /// Notes that are delivered to Request Tracker.
    #[arg(long, default_value_t = 200)]
    request_tracker: usize,
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
    let mut passed = true;
    if plan.deliveries > 0 {
        passed &= measure(&plan, async || Place::stand_in(), plan.deliveries).await;
    }
    if plan.request_tracker > 0 {
        passed &= measure(&plan, Place::request_tracker, plan.request_tracker).await;
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes all measurements at a kind of desk, each at one of its own; whether nothing was lost or doubled.
async fn measure(plan: &Plan, make: impl AsyncFn() -> Place, deliveries: usize) -> bool {
    let faulty = deliver(make().await, deliveries, plan.fault_every).await;
    let plain = deliver(make().await, deliveries, 0).await;
    diagnose(make().await, plan.tickets, true).await;
    diagnose(make().await, plan.tickets, false).await;
    faulty && plain
}

/// A collector with that desk; with `calls`, the desk calls as soon as something happened.
async fn stage(place: &Place, calls: bool) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut table = place.table(folder.path()).await;
    if calls {
        let file = folder.path().join("hook");
        std::fs::write(&file, SECRET).expect("written");
        let hook = format!("hook = {{ signature = \"secret\", secret_file = \"{}\" }}\n", file.display());
        table.push_str(&hook);
    }
    (Stage::open_with(&table).await, folder)
}

/// Delivers notes, and counts them at the desk; whether each is there once.
async fn deliver(place: Place, deliveries: usize, fault_every: usize) -> bool {
    let (stage, _folder) = stage(&place, false).await;
    let (mut tickets, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..TICKETS {
        let there = place.open("nobody's").await;
        let page = stage.api.post(&format!("/api/v1/desks/helpdesk/tickets/{there}"), &json!({})).await;
        tickets.push(page["number"].as_str().expect("a number").to_owned());
        numbers.push(there);
    }
    let (before, _) = place.faults().calls();
    place.faults().every(fault_every);
    let started = Instant::now();
    for index in 0..deliveries {
        let path = format!("/api/v1/tickets/{}/notes", tickets[index % TICKETS]);
        stage.api.post(&path, &json!({ "text": words(index) })).await;
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
    let (calls, faults) = place.faults().calls();
    let refused = stage.api.get("/api/v1/outbox?limit=1&state=failed").await;
    assert_eq!(refused["deliveries"], json!([]), "the desk refused one");
    let all = place.notes(&numbers).await;
    let counts: Vec<usize> =
        (0..deliveries).map(|index| all.iter().filter(|note| note.contains(&words(index))).count()).collect();
    let lost = counts.iter().filter(|count| **count == 0).count();
    let doubled = counts.iter().filter(|count| **count > 1).count();
    println!(
        "{}: {deliveries} deliveries, {} calls, {faults} of them with a fault: {lost} lost, {doubled} doubled, {seconds:.1} s, \
         {:.1} deliveries a second",
        place.name(),
        calls - before,
        deliveries as f64 / seconds
    );
    lost + doubled == 0
}

/// What a note says, and no other one.
fn words(index: usize) -> String {
    format!("note number {index} of all")
}

/// Times how long it is from a ticket at the desk to its diagnosis there.
async fn diagnose(place: Place, tickets: usize, calls: bool) {
    let (stage, _folder) = stage(&place, calls).await;
    let (_agent, endpoint) = stage.agent_online("agent").await;
    wait::for_condition("the desk to be looked at", WITHIN, async || {
        stage.api.get("/api/v1/desks").await["desks"][0]["looked_at"].is_string()
    })
    .await;
    let client = firstline_tests::collector::insecure();
    let hook = format!("{}/hooks/helpdesk", stage.collector.address());
    let mut seconds = Vec::new();
    for _ in 0..tickets {
        // The person's own wait at the desk, while it makes the ticket, is none for a diagnosis.
        let number = place.open(&endpoint).await;
        let opened = Instant::now();
        if calls {
            let call = client.post(&hook).header("x-firstline-secret", SECRET).body("{}").send().await;
            assert!(call.expect("the collector answers").status().is_success(), "the call was refused");
        }
        let noted = wait::until("the diagnosis", WITHIN, async || place.noted_at(&number)).await;
        seconds.push(noted.saturating_duration_since(opened).as_secs_f64());
        done(&stage).await;
    }
    let way = if calls { "the desk calls" } else { "the desk is asked every 5 s" };
    let [p50, p95] = [0.5, 0.95].map(|share| quantile(&seconds, share).unwrap_or_default());
    println!(
        "{}: ticket opened, diagnosis on it ({way}), {tickets} tickets: p50 {p50:.1} s, p95 {p95:.1} s",
        place.name()
    );
}

/// Waits until the note was read back, so that one ticket does not wait for the other.
async fn done(stage: &Stage) {
    wait::for_condition("the note to be read back", WITHIN, async || {
        stage.api.get("/api/v1/desks").await["desks"][0]["waiting"] == 0
    })
    .await;
}
