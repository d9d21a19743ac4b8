//! A collector whose database was damaged, or half taken away: it does not start, says why and what to do, and never begins
//! with nothing.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use firstline_tests::command::program;
use firstline_tests::wire::senders::Senders;
use firstline_tests::{Outcome, Stage};

use crate::storage::count;

const PROGRESS: std::time::Duration = std::time::Duration::from_mins(1);

/// What the collector says that does not start.
async fn refuses(stage: &Stage) -> String {
    let data = stage.collector.folder.display().to_string();
    let outcome = Outcome::of(program("firstline-collector", &["serve", "--data", &data])).await.ended_with(1);
    assert!(outcome.stderr.contains("firstline-collector restore"), "{}", outcome.stderr);
    outcome.stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_with_a_damaged_database_does_not_start_and_says_what_to_do() {
    let mut stage = Stage::open().await;
    let senders = Senders::start(&stage, 2).await;
    senders.go_on(500, PROGRESS).await;
    let (start_ms, acknowledged) = (senders.start_ms, senders.stop().await);
    stage.collector.kill();
    let database = stage.collector.folder.join("firstline.sqlite");
    let (log, aside) = (database.with_extension("sqlite-wal"), stage.folder("aside"));

    fs::rename(&log, &aside).unwrap();
    assert!(refuses(&stage).await.contains("firstline.sqlite-wal is missing"));
    assert!(!log.exists(), "no empty one was put in its place");
    fs::rename(&aside, &log).unwrap();
    stage.collector.start().await;
    assert!(stage.collector.stop().await.success());
    count(&stage.collector.folder, acknowledged, start_ms).await;

    let whole = fs::read(&database).unwrap();
    let change = |change: &dyn Fn(&mut fs::File)| {
        fs::write(&database, &whole).unwrap();
        change(&mut fs::File::options().write(true).open(&database).unwrap());
    };
    change(&|file| file.set_len(whole.len() as u64 / 2).unwrap());
    assert!(refuses(&stage).await.contains("is damaged"));
    change(&|file| {
        file.seek(SeekFrom::Start(3 * 4096)).unwrap();
        file.write_all(&[0; 4096]).unwrap();
    });
    assert!(refuses(&stage).await.contains("is damaged"));
    change(&|file| file.set_len(0).unwrap());
    assert!(refuses(&stage).await.contains("is missing or empty"));
    fs::remove_file(&database).unwrap();
    assert!(refuses(&stage).await.contains("is missing or empty"));
    assert!(!PathBuf::from(&database).exists(), "no empty one was put in its place");
    fs::write(&database, &whole).unwrap();
    stage.collector.start().await;
}
