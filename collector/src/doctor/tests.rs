use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::KeyPair;

use super::*;
use crate::access::Actor;
use crate::access::audit::Entry;
use crate::app::fixture::{description, request};
use crate::app::{App, Clock as _, SystemClock};
use crate::enrollment::TokenOrder;
use crate::store::{Inspection, StoreError, sql};

#[cfg_attr(unix, path = "tests/unix.rs")]
#[cfg_attr(not(unix), path = "tests/other.rs")]
mod system;

const DAY: Duration = Duration::from_hours(24);

/// A folder that a collector has made and left.
struct House {
    _folder: tempfile::TempDir,
    data: PathBuf,
}

impl House {
    async fn build() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let data = folder.path().join("data");
        // Ports that nobody has, so that other collectors of this machine are no finding.
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let text = format!("[listen]\nagents = \"{}\"\npeople = \"{}\"\n[limits]\nstreams = 10\n", free(), free());
        let config = Config::parse(&text).expect("right");
        App::create(&data, &config, &SystemClock).expect("made");
        fs::write(data.join(config::FILE), text).expect("written");
        let house = Self { _folder: folder, data };
        house.open().await.store.close().await;
        house
    }

    async fn open(&self) -> Arc<App> {
        let config = Config::read(&self.data).expect("a configuration");
        let app = App::open(&self.data, config, Arc::new(SystemClock)).await.expect("opened");
        for object in ["one", "two", "three"] {
            app.access.audit().record(Entry::new(&Actor::local("t"), "endpoint.read", object)).await.expect("written");
        }
        app
    }

    /// Runs statements as somebody with the file in hand would.
    async fn run(&self, statements: &'static [&'static str]) {
        let app = self.open().await;
        for statement in statements {
            let ran = app.store.write(move |tx| {
                Box::pin(async move { sql::query(statement).execute(tx).await.map(drop).map_err(StoreError::from) })
            });
            ran.await.expect(statement);
        }
        app.store.close().await;
    }

    fn database(&self) -> PathBuf {
        self.data.join("firstline.sqlite")
    }

    async fn examine(&self) -> Report {
        self.examine_at(SystemClock.now()).await
    }

    async fn examine_at(&self, now: Timestamp) -> Report {
        examine(&self.data, Depth::Whole, now).await
    }

    /// Examines, and expects this fault, with what to do about it.
    async fn suffers(&self, id: &str) -> Finding {
        suffers(&self.examine().await, id, Level::Fault)
    }
}

fn suffers(report: &Report, id: &str, level: Level) -> Finding {
    let found = report.findings.iter().find(|finding| finding.id == id && finding.level == level);
    let found = found.unwrap_or_else(|| panic!("no {id} among {:#?}", report.findings)).clone();
    for text in [&found.what, &found.at, &found.why, &found.remedy] {
        assert!(!text.is_empty(), "half a finding: {found:?}");
    }
    found
}

#[tokio::test]
async fn nothing_is_wrong_with_a_new_collector() {
    let house = House::build().await;
    let report = house.examine().await;
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!((report.facts["runs"].as_str(), report.facts["endpoints"].as_str()), ("no", "0"));
}

#[tokio::test]
async fn a_folder_that_is_missing_or_empty_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        suffers(&examine(&path, Depth::Whole, SystemClock.now()).await, "folder", Level::Fault);
    }
}

#[tokio::test]
async fn a_misspelt_configuration_is_a_fault_and_the_rest_is_looked_at() {
    let house = House::build().await;
    fs::write(house.data.join(config::FILE), "[listen]\nagent = \"127.0.0.1:1\"\n").expect("written");
    fs::remove_file(house.data.join("authority/naming.key")).expect("removed");
    assert!(house.suffers("configuration").await.what.contains("did you mean `agents`?"));
    house.suffers("naming_key").await;
    fs::remove_file(house.data.join(config::FILE)).expect("removed");
    let said = house.suffers("configuration").await.what;
    assert!(said.contains("the folder holds a collector") && !said.contains("init"), "{said}");
}

#[tokio::test]
async fn certificates_and_keys_that_are_damaged_do_not_fit_or_end_are_named() {
    let house = House::build().await;
    let authority = house.data.join("authority");
    let now = SystemClock.now();
    let later = |days: u32| house.examine_at(now + DAY * days);
    let soon = later(70).await;
    assert!(suffers(&soon, "certificate_ends", Level::Advice).what.contains("in 19 days"), "{:?}", soon.findings);
    assert!(suffers(&later(91).await, "certificate_ended", Level::Fault).what.contains("agents' port"));
    assert!(suffers(&later(3500).await, "certificate_ends", Level::Advice).what.contains("root: its certificate"));
    assert!(suffers(&house.examine_at(now - DAY).await, "clock", Level::Fault).what.contains("the root was made"));

    let agents = fs::read(authority.join("agents.key")).expect("read");
    fs::copy(authority.join("people.key"), authority.join("agents.key")).expect("copied");
    assert!(house.suffers("certificate").await.what.contains("not that of the certificate"));
    fs::write(authority.join("agents.key"), agents).expect("written");
    fs::File::options().write(true).open(authority.join("root.pem")).and_then(|file| file.set_len(100)).expect("cut");
    assert!(house.suffers("certificate").await.what.contains("no certificate"));
    fs::remove_file(authority.join("root.key")).expect("removed");
    house.suffers("certificate").await;
    fs::remove_file(authority.join("agents.key")).expect("removed");
    let said = house.examine().await.findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>();
    assert!(said.contains(&"The agents' port: its key is missing".to_owned()), "{said:?}");
    fs::write(authority.join("naming.key"), "c2hvcnQ=").expect("written");
    house.suffers("naming_key").await;
}

#[tokio::test]
async fn an_authority_that_the_endpoints_do_not_know_is_named() {
    let house = House::build().await;
    let app = house.open().await;
    let (token, key) = (app.enrollment.create_token(TokenOrder::default()).await.expect("token"), KeyPair::generate());
    let request = request(&key.expect("a key"));
    let machine = description("desk-1").try_into().expect("a machine");
    app.enrollment.enroll(&token.token, &request, machine).await.expect("enrolled");
    app.store.close().await;
    assert_eq!(house.examine().await.faults(), 0);

    let other = House::build().await;
    let authority = house.data.join("authority");
    fs::remove_dir_all(&authority).expect("removed");
    fs::rename(other.data.join("authority"), &authority).expect("moved");
    let found = house.suffers("locked_out").await;
    assert!(found.what.starts_with("The certificates of 1 of 1 endpoints"), "{found:?}");
    // To serve with it makes it the database's, and the endpoints are locked out as before.
    house.open().await.store.close().await;
    house.suffers("locked_out").await;
}

#[tokio::test]
async fn a_database_that_is_missing_cut_or_no_database_is_named() {
    let house = House::build().await;
    let whole = fs::read(house.database()).expect("read");
    fs::write(house.database(), b"this is not a database, whatever its name says").expect("written");
    house.suffers("database").await;
    fs::write(house.database(), &whole[..whole.len() / 2]).expect("written");
    assert!(house.examine().await.faults() > 0, "half a database is no fault");
    fs::remove_file(house.database()).expect("removed");
    house.suffers("database_missing").await;
}

#[tokio::test]
async fn flipped_bytes_in_the_database_are_found() {
    let house = House::build().await;
    let mut bytes = fs::read(house.database()).expect("read");
    let page = 4096;
    // The b-tree headers of a third of the pages, as a disk that loses its mind would leave them.
    for index in (2..bytes.len() / page).step_by(3) {
        bytes[index * page] ^= 0xFF;
        bytes[index * page + 5] ^= 0xFF;
    }
    fs::write(house.database(), bytes).expect("written");
    let report = house.examine().await;
    assert!(report.has("damage") || report.has("database"), "{:#?}", report.findings);
    assert!(report.faults() > 0);
}

#[tokio::test]
async fn a_database_of_another_version_is_told_from_a_damaged_one() {
    let house = House::build().await;
    house
        .run(&["INSERT INTO schema_migrations (number, name, checksum, applied_at_ms) VALUES (9999, 'fly', '', 0)"])
        .await;
    assert!(house.suffers("version").await.what.contains("9999 (fly)"));
    let house = House::build().await;
    house.run(&["UPDATE schema_migrations SET checksum = 'x' WHERE number = 1"]).await;
    assert!(house.suffers("version").await.what.contains("other contents"));
    let house = House::build().await;
    house.run(&["DELETE FROM schema_migrations WHERE number = 21"]).await;
    let older = suffers(&house.examine().await, "version", Level::Advice);
    assert!(older.what.contains("1 migrations"), "{older:?}");
}

#[tokio::test]
async fn rows_without_their_owner_are_counted() {
    let house = House::build().await;
    house
        .run(&[
            "INSERT INTO samples (endpoint_key, at_ms, step_seconds, layout, row, received_ms) VALUES (77, 1, 60, 5, X'00', 1)",
            "INSERT INTO samples (endpoint_key, at_ms, step_seconds, layout, row, received_ms) VALUES (78, 1, 60, 5, X'00', 1)",
        ])
        .await;
    let report = house.examine().await;
    let found: Vec<&str> =
        report.findings.iter().filter(|one| one.id == "orphans").map(|one| one.what.as_str()).collect();
    assert!(found[0].starts_with("2 samples of unknown endpoints") && found[1].starts_with("1 layouts"), "{found:?}");
}

#[tokio::test]
async fn an_audit_log_that_was_changed_is_named_with_the_entry() {
    let house = House::build().await;
    house
        .run(&["DROP TRIGGER audit_log_refuses_updates", "UPDATE audit_log SET who = 'nobody' WHERE sequence = 2"])
        .await;
    assert!(house.suffers("audit_chain").await.what.contains("entry 2"));
}

#[tokio::test]
async fn a_clock_behind_the_newest_entry_is_named() {
    let house = House::build().await;
    house.open().await.store.close().await;
    // Within the hour by which certificates are backdated, so that it is the entries that tell.
    let found = suffers(&house.examine_at(SystemClock.now() - DAY / 48).await, "clock", Level::Fault);
    assert!(found.what.contains("newest entry"), "{found:?}");
}

#[tokio::test]
async fn a_process_that_holds_the_database_and_does_not_serve_is_named() {
    let house = House::build().await;
    let lock = fs::File::options().write(true).open(house.data.join("firstline.lock")).expect("the lock");
    lock.try_lock().expect("nobody has it");
    let report = house.examine().await;
    suffers(&report, "held", Level::Advice);
    assert!(report.facts["runs"].starts_with("yes"), "{:?}", report.facts);
}

#[tokio::test]
async fn a_port_that_another_program_has_is_named() {
    let house = House::build().await;
    let config = Config::read(&house.data).expect("right");
    let _other = TcpListener::bind(config.listen.agents).expect("free");
    assert!(house.suffers("port").await.what.contains(&config.listen.agents.to_string()));
}

#[tokio::test]
async fn a_long_write_ahead_log_is_named() {
    let house = House::build().await;
    let log = fs::File::create(house.data.join("firstline.sqlite-wal")).expect("made");
    log.set_len(600 << 20).expect("a file with a hole");
    let found = suffers(&house.examine().await, "log_long", Level::Advice);
    assert!(found.what.contains("600 MB"), "{found:?}");
}

#[test]
fn a_disk_that_is_full_or_will_be_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let look = |bytes, growth| {
        let mut report = Report::default();
        room::disk(folder.path(), bytes, growth, &mut report);
        report
    };
    assert!(look(0, None).findings.is_empty() || look(0, None).has("disk"), "an empty database needs nothing");
    suffers(&look(u64::MAX, None), "disk", Level::Fault);
    suffers(&look(0, Some(u64::MAX)), "disk", Level::Advice);
}

#[tokio::test]
async fn a_server_that_is_away_is_told_with_its_own_cause() {
    let house = House::build().await;
    // A port that nobody has any more.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let text = format!("[database]\nurl = \"postgres://fl@{address}/fl?sslmode=disable\"\n");
    fs::write(house.data.join(config::FILE), text).expect("written");
    let found = house.suffers("database").await;
    assert!(found.what.contains("Connection refused"), "{found:?}");
    assert!(found.at.contains(&address.to_string()), "{found:?}");
}

#[test]
fn a_limit_of_files_is_measured_by_the_endpoints_that_there_are() {
    assert_eq!(short_of_files(20_000, 1), None, "one machine has room");
    assert_eq!(short_of_files(20_000, 25_000), Some(19_000));
    assert_eq!(short_of_files(100, 1), Some(1), "never none at all");
}

#[tokio::test]
async fn what_is_found_says_where_in_the_configuration_more_streams_would_need_more_files() {
    let house = House::build().await;
    let path = house.data.join(config::FILE);
    let text = fs::read_to_string(&path).expect("read").replace("streams = 10", "streams = 1000000");
    fs::write(&path, text).expect("written");
    let report = house.examine().await;
    let allowed: u64 = report.facts["open files"].parse().expect("a number");
    assert_eq!(report.has("open_files"), short_of_files(allowed, 1_000_000).is_some());
}

#[tokio::test]
async fn looking_leaves_everything_as_it_was() {
    let house = House::build().await;
    let before = fs::read(house.database()).expect("read");
    house.examine().await;
    assert!(fs::read(house.database()).expect("read") == before, "the database was written to");
    let inspection = Inspection::open(&Location::Sqlite(house.database())).await.expect("opened");
    let written = sql::query("DELETE FROM accounts").execute(inspection.reads()).await;
    assert!(written.is_err(), "whoever looks can write");
    inspection.close().await;
    house.open().await.store.close().await;
}

/// Paths below the folder of a house, for tests of one system.
fn within(house: &House, path: &str) -> PathBuf {
    Path::new(&house.data).join(path)
}
