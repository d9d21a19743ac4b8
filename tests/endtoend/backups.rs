//! A backup of a collector that is at work, and the same collector put back from it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use firstline_tests::collector::ADMINISTRATOR;
use firstline_tests::command::{Outcome, program};
use firstline_tests::postgres::Durable;
use firstline_tests::wire::sender::Sender;
use firstline_tests::{Postgres, Stage, wait};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

const SENDERS: usize = 4;
const PROGRESS: Duration = Duration::from_mins(2);

async fn collector(arguments: &[&str]) -> Outcome {
    Outcome::of(program("firstline-collector", arguments)).await
}

/// Times of the stored samples of an endpoint, as their numbers.
async fn numbers(data: &Path, endpoint: &str, start_ms: i64) -> Vec<u64> {
    let options = SqliteConnectOptions::new().filename(data.join("firstline.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let times =
        "SELECT s.at_ms FROM samples s JOIN endpoints e ON e.key = s.endpoint_key WHERE e.id = $1 ORDER BY s.at_ms";
    let rows: Vec<(i64,)> = sqlx::query_as(times).bind(endpoint).fetch_all(&pool).await.unwrap();
    rows.into_iter().map(|(at,)| u64::try_from(at - start_ms).unwrap()).collect()
}

fn total(senders: &[Sender]) -> u64 {
    senders.iter().map(Sender::acknowledged).sum()
}

/// Waits until so many more records of each sender are acknowledged: of all together, some may still be on their way back.
async fn acknowledged(senders: &[Sender], more: u64) {
    let goals: Vec<u64> = senders.iter().map(|sender| sender.acknowledged() + more).collect();
    wait::for_condition("records to be acknowledged", PROGRESS, async || {
        senders.iter().zip(&goals).all(|(sender, goal)| sender.acknowledged() >= *goal)
    })
    .await;
}

async fn senders(stage: &Stage, start_ms: i64) -> Vec<Sender> {
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let name = format!("sender-{number}");
        let identity = stage.identity(&name).await;
        senders.push(Sender::start(stage.collector.agents, &name, identity, start_ms));
    }
    senders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_was_backed_up_under_load_and_put_back_goes_on_with_its_agents() {
    let mut stage = Stage::open().await;
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let (mut agent, id) = stage.agent_online("agent").await;
    let ticket = stage.ticket("My computer is slow", "sam").await;
    assert_eq!(stage.attach(&ticket, &id).await["state"], "done");
    let senders = senders(&stage, start_ms).await;
    acknowledged(&senders, 1000).await;

    let (data, backup) = (stage.collector.folder.display().to_string(), stage.folder("backup.tar"));
    let before = total(&senders);
    let taken = collector(&["backup", "--json", "--data", &data, "--to", backup.to_str().unwrap()]).await.done();
    let during = total(&senders) - before;
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600, "others may read the keys");
    let again = collector(&["backup", "--data", &data, "--to", backup.to_str().unwrap()]).await.ended_with(1);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    acknowledged(&senders, 500).await;
    senders.iter().for_each(Sender::may_be_put_back);
    stage.collector.kill();

    let used = collector(&["restore", "--from", backup.to_str().unwrap(), "--data", &data]).await.ended_with(1);
    assert!(used.stderr.contains("holds a collector"), "{}", used.stderr);
    let new = stage.folder("restored");
    let restored =
        collector(&["restore", "--from", backup.to_str().unwrap(), "--data", new.to_str().unwrap()]).await.done();
    for words in ["firstline-collector serve", "enrol them again", "revoke it again"] {
        assert!(restored.stdout.contains(words), "{words:?} is missing in {}", restored.stdout);
    }
    stage.collector.folder = new.clone();
    stage.collector.start().await;
    acknowledged(&senders, 500).await;
    stage.endpoint_is(&id, "online").await;
    let kept = stage.api.get(&format!("/api/v1/tickets/{ticket}")).await;
    assert!(kept["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "the diagnosis is gone: {kept}");
    assert_eq!(stage.attach(&ticket, &id).await["state"], "done", "the agent answers the restored collector");

    let (mut lost, mut whole) = (0, 0);
    let log = stage.collector.log();
    for sender in senders {
        let (endpoint, forgotten) = (sender.endpoint_id.clone(), sender.forgotten());
        let stored = sender.stop().await;
        let [(first, last)] = forgotten[..] else { panic!("{endpoint} was put back {} times", forgotten.len()) };
        let found = numbers(&new, &endpoint, start_ms).await;
        let expected = |number: &u64| *number < first || *number > last;
        let distinct: BTreeSet<u64> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "records are stored twice");
        let missing: Vec<u64> = (1..=stored).filter(expected).filter(|number| !distinct.contains(number)).collect();
        assert!(missing.is_empty(), "{endpoint} lacks {missing:?}, and forgot only {first} to {last}");
        let strange: Vec<&u64> = distinct.iter().filter(|number| !expected(number)).collect();
        assert!(strange.is_empty(), "{endpoint} has {strange:?} without having been sent them again");
        let told = format!("{} records of endpoint {endpoint} were acknowledged and are not here", last + 1 - first);
        assert!(log.contains(&told), "nobody was told: {told}");
        lost += last + 1 - first;
        whole += found.len();
    }
    let counted = stage.metric("firstline_collector_records_forgotten_total").await;
    assert!(counted >= lost as f64, "{counted} of {lost} are counted");
    assert!(agent.stop().await.success());
    println!(
        "backup of {} bytes while {during} records were acknowledged; restored: {whole} records stored once each, {lost} forgotten \
         and counted",
        taken.json()["bytes"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_on_postgresql_is_backed_up_and_put_back_with_postgresqls_own_tools() {
    let server = Postgres::start(Durable::No).await;
    let mut stage = Stage::open_with(&server.configuration()).await;
    let ticket = stage.ticket("My computer is slow", "sam").await;
    let start_ms = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let senders = senders(&stage, start_ms).await;
    acknowledged(&senders, 250).await;
    let (data, backup) = (stage.collector.folder.display().to_string(), stage.folder("backup"));
    let mut command = program("firstline-collector", &["backup", "--data", &data, "--to", backup.to_str().unwrap()]);
    command.env("PATH", "/nowhere");
    let without = Outcome::of(command).await.ended_with(1);
    assert!(without.stderr.contains("pg_dump --format=custom"), "no command to run: {}", without.stderr);
    assert!(!backup.exists(), "half a backup was left behind");
    collector(&["backup", "--data", &data, "--to", backup.to_str().unwrap()]).await.done();
    acknowledged(&senders, 125).await;
    senders.iter().for_each(Sender::may_be_put_back);
    stage.collector.kill();

    let new = stage.folder("restored");
    let arguments = ["restore", "--from", backup.to_str().unwrap(), "--data", new.to_str().unwrap()];
    let used = collector(&arguments).await.ended_with(1);
    assert!(used.stderr.contains("holds a collector's tables"), "{}", used.stderr);
    server.empty().await;
    collector(&arguments).await.done();
    stage.collector.folder = new;
    stage.collector.start().await;
    acknowledged(&senders, 125).await;
    for sender in senders {
        assert_eq!(sender.forgotten().len(), 1);
        sender.stop().await;
    }
    let twice: Vec<(i64,)> =
        server.rows("SELECT COUNT(*) FROM samples GROUP BY endpoint_key, at_ms HAVING COUNT(*) > 1").await;
    assert!(twice.is_empty(), "records are stored twice");
    let kept = stage.api.get(&format!("/api/v1/tickets/{ticket}")).await;
    assert_eq!(kept["subject"], "My computer is slow", "{ADMINISTRATOR} sees {kept}");
}
