//! Databases of every earlier version, opened by this one.
//!
//! `rows.json` holds rows of every table as they were first written, frozen: what was released must stay readable. A new
//! table's rows come into it with `FIRSTLINE_WRITE=1`, from a life that uses every room; rows that are there are never changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firstline_diagnosis::document::{FindingState, Texts};
use firstline_diagnosis::vocabulary::{Layout, Series, Timestamp};
use serde::{Deserialize, Serialize};

use super::*;
use crate::access::audit::Entry;
use crate::access::{Actor, NewAccount, Role, SessionKind};
use crate::alert::{AlertQuery, Held, Matchers, NewSilence, Subject};
use crate::app::{App, fixture as house};
use crate::desk::next_read;
use crate::enrollment::TokenOrder;
use crate::fleet::ListQuery;
use crate::pull::tests::room::{ENDPOINT, Room, START, full_disk};
use crate::store::{migrate, migrations};
use crate::symptom::Standing;

/// What a table holds: its columns, and rows of SQL literals as SQLite quotes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Tables in the order of their making, so that what is referred to comes first.
type Tables = Vec<(String, Rows)>;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/tests/rows.json")
}

fn frozen() -> Tables {
    serde_json::from_str(include_str!("rows.json")).expect("tables")
}

/// Names and columns of all tables but the list of migrations.
async fn columns(connection: &mut Connection) -> Vec<(String, Vec<String>)> {
    let statement = match connection.engine() {
        Engine::Sqlite => {
            "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.rowid, c.cid"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        }
    };
    let found: Vec<(String, String)> = sql::query_as(statement).fetch_all(connection).await.expect("columns");
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for (table, column) in found.into_iter().filter(|(table, _)| table != "schema_migrations") {
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    tables
}

/// Every row of a table as literals, in a stable order.
async fn literals(connection: &mut Connection, table: &str, columns: &[String]) -> Vec<Vec<String>> {
    let one = |column: &String| match connection.engine() {
        Engine::Sqlite => format!("quote({column}) AS {column}"),
        Engine::Postgres => format!("COALESCE(CAST({column} AS TEXT), 'NULL') AS {column}"),
    };
    let statement = format!("SELECT {} FROM {table}", columns.iter().map(one).collect::<Vec<_>>().join(", "));
    let rows = sql::query(statement.leak()).fetch_all(connection).await.expect(table);
    let row = |row: &sql::Row| columns.iter().map(|column| row.try_get(column).expect("a text")).collect();
    let mut rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    rows.sort();
    rows
}

/// Puts the frozen rows into the tables and columns that are there.
async fn fill(connection: &mut Connection) {
    let there: BTreeMap<String, Vec<String>> = columns(connection).await.into_iter().collect();
    for (table, rows) in frozen() {
        let Some(known) = there.get(&table) else { continue };
        let kept: Vec<usize> = (0..rows.columns.len()).filter(|&index| known.contains(&rows.columns[index])).collect();
        let names: Vec<&str> = kept.iter().map(|&index| rows.columns[index].as_str()).collect();
        for row in &rows.rows {
            let values: Vec<String> = kept.iter().map(|&index| literal(connection.engine(), &row[index])).collect();
            let insert = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
            connection.raw(insert).await.unwrap_or_else(|error| panic!("{table}: {error}"));
        }
    }
}

fn literal(engine: Engine, sqlite: &str) -> String {
    match (engine, sqlite.strip_prefix("X'")) {
        (Engine::Postgres, Some(bytes)) => format!("'\\x{bytes}"),
        _ => sqlite.to_owned(),
    }
}

/// The folder of a collector whose database was made by the first `count` migrations.
async fn of_version(count: usize) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().expect("folder");
    house::create(folder.path(), &*Arc::new(crate::app::ManualClock::at(START))).await;
    let mut connection = fixture::connect(folder.path()).await;
    migrate::run(&mut connection, &migrations::ALL[..count]).await.expect("an old database");
    fill(&mut connection).await;
    (folder, connection)
}

#[tokio::test]
async fn a_database_of_every_earlier_version_keeps_its_rows_and_is_read() {
    for count in 1..=migrations::ALL.len() {
        let (folder, mut connection) = of_version(count).await;
        let newest = migrations::ALL[count - 1].number;
        let mut before = Vec::new();
        for (table, columns) in columns(&mut connection).await {
            let rows = literals(&mut connection, &table, &columns).await;
            before.push((table, columns, rows));
        }
        connection.close().await.expect("closed");
        Store::open(&fixture::location(folder.path()).await).await.expect("it is brought up to date").close().await;
        let mut connection = fixture::connect(folder.path()).await;
        for (table, columns, rows) in before {
            let after = literals(&mut connection, &table, &columns).await;
            assert_eq!(after, rows, "{table} changed on the way from {newest:04}");
        }
        // The frozen member has ended, and its authority is another: beside them, this collector would not begin.
        connection.raw("DELETE FROM replicas; DELETE FROM authority_roots").await.expect("gone");
        connection.close().await.expect("closed");
        is_read(folder.path(), newest).await;
    }
}

/// How many migrations were there before this one.
fn before(number: i64) -> usize {
    migrations::ALL.iter().position(|one| one.number == number).expect("a migration")
}

#[tokio::test]
async fn tickets_of_desks_are_read_again_when_they_would_have_been_before_the_upgrade() {
    let (folder, mut connection) = of_version(before(190)).await;
    let hours_ago = |hours: i64| Timestamp(START.0 - hours * 3_600_000);
    // State, hours since it changed, hours since it was read.
    let tickets = [
        ("open", 1, 2),
        ("open", 2, 1),
        ("open", 25, 1),
        ("new", 24 * 8, 1),
        ("open", 24 * 400, 1),
        ("closed", 25, 1),
        ("resolved", 24 * 31, 1),
        ("closed", 24 * 31, 24 * 32),
    ];
    for (number, (state, changed, read)) in (2001..).zip(tickets) {
        let (changed, read) = (hours_ago(changed).0, hours_ago(read).0);
        let insert = format!(
            "INSERT INTO tickets (number, subject, body, requester_name, requester_email, requester_sign_in, state, category,
             opened_at_ms, updated_at_ms, opened_by) SELECT {number}, subject, body, requester_name, requester_email,
             requester_sign_in, '{state}', category, opened_at_ms, {changed}, opened_by FROM tickets WHERE number = 1001;
             INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, attended, why, read_ms)
             VALUES ({number}, 'helpdesk', '{number}', '{number}', '', '', '', 1, '', {read})"
        );
        connection.raw(insert).await.expect("a ticket");
    }
    connection.close().await.expect("closed");
    let store = Store::open(&fixture::location(folder.path()).await).await.expect("it is brought up to date");
    let next = "SELECT next_read_ms FROM desk_tickets WHERE ticket > 2000 ORDER BY ticket";
    let next: Vec<i64> = sql::query_scalar(next).fetch_all(store.reads()).await.expect("tickets");
    let expected = tickets.map(|(state, changed, read)| {
        let (changed, read) = (hours_ago(changed), hours_ago(read));
        let is_over = ["resolved", "closed"].contains(&state);
        if read < changed { 0 } else { next_read(is_over, changed, read).unix_ms() }
    });
    assert_eq!(next, expected);
    store.close().await;
}

/// Asks every room for what it kept, of a database that was made by migrations up to `version`.
async fn is_read(folder: &Path, version: i64) {
    let clock = Arc::new(crate::app::ManualClock::at(START));
    let app = App::open(folder, house::config(folder).await, clock).await.expect("it opens");
    let listed = app.fleet.list(ListQuery::default()).await.expect("endpoints");
    assert_eq!(listed.endpoints.len(), 1);
    assert_eq!(app.fleet.find("lap-ana").await.expect("by its name").id, ENDPOINT);
    assert_eq!(app.enrollment.tokens().await.expect("tokens").len(), 1);
    let hour = Timestamp(START.0 - 3_600_000);
    if version >= 2 {
        let series =
            app.history.series(ENDPOINT, "system.cpu.utilization", (hour, START), START).await.expect("series");
        assert!(!series.is_empty(), "{version}: no minutes");
        assert!(!app.history.latest(ENDPOINT).await.expect("state").is_empty(), "{version}: no state");
        let happened = app.history.happened(ENDPOINT, hour).await.expect("what happened");
        assert_eq!((happened.events.len(), happened.marks.len(), happened.changes.len()), (1, 1, 1), "{version}");
    }
    if version >= 10 {
        assert_eq!(app.detect.findings(ENDPOINT).await.expect("findings").len(), 1, "{version}");
    }
    if version >= 11 {
        let alerts = app.alerts.list(&AlertQuery::default()).await.expect("alerts").alerts;
        let detail = app.alerts.show(&alerts[0].id).await.expect("an alert");
        assert_eq!(detail.alert.finding.id, "disk-space-critical", "{version}");
        assert_eq!(app.alerts.silences().await.expect("silences").len(), 1, "{version}");
        assert_eq!(app.alerts.decisions(ENDPOINT).await.expect("decisions").len(), 1, "{version}");
    }
    if version >= 12 {
        let ticket = app.desk.show("FL-1001").await.expect("a ticket");
        let file = &ticket.notes[0].attachments[0];
        assert!(!app.desk.attachment(&file.id).await.expect("a file").bytes.is_empty(), "{version}");
    }
    if version >= 13 {
        let pull: String =
            sql::query_scalar("SELECT id FROM pulls").fetch_one(app.store.reads()).await.expect("a pull");
        assert_eq!(app.pulls.show(&pull).await.expect("a pull").endpoint.id, ENDPOINT);
        let result = app.pulls.result(&pull).await.expect("readable").expect("there");
        assert_eq!(result.diagnosis.primary.as_deref(), Some("disk-space-critical"), "{version}");
    }
    if version >= 20 {
        assert_eq!(app.access.accounts().await.expect("accounts").accounts.len(), 1);
        let session = app.access.sign_in("tess", PASSWORD, SessionKind::Command, None).await.expect("the password");
        assert!(app.access.principal(&session.token).await.expect("a session").is_some());
    }
    if version >= 180 {
        let symptom = app.symptoms.of("disk-full").expect("a symptom").symptoms.remove(0);
        assert_eq!((symptom.standing, symptom.tickets), (Standing::InForce, 21), "{version}");
        assert_eq!((&*symptom.candidates[0].check, symptom.candidates[0].confirmed), ("volume-full", 15), "{version}");
    }
    assert!(app.access.audit().verify().await.expect("readable").whole, "{version}: the chain is broken");
    app.store.close().await;
}

const PASSWORD: &str = "correct horse battery";

/// Every table that a release made has rows, so that none is left out of the test above.
#[tokio::test]
async fn every_table_is_used_by_a_life_of_a_collector() {
    let room = Room::open().await;
    Box::pin(live(&room)).await;
    room.app.store.close().await;
    let mut connection = fixture::connect(room.folder.path()).await;
    let mut tables = frozen();
    for (table, columns) in columns(&mut connection).await {
        let rows = literals(&mut connection, &table, &columns).await;
        let known = tables.iter().any(|(name, rows)| *name == table && !rows.rows.is_empty());
        if !known && connection.engine() == Engine::Sqlite && !rows.is_empty() {
            tables.push((table, Rows { columns, rows }));
        }
    }
    if std::env::var_os("FIRSTLINE_WRITE").is_some() {
        let text = serde_json::to_string_pretty(&tables).expect("text");
        std::fs::write(file(), text + "\n").expect("written");
    }
    let frozen = |table: &str| tables.iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| rows.rows.len());
    for (table, _) in columns(&mut connection).await {
        assert!(frozen(&table) > 0, "{table} has no frozen rows; FIRSTLINE_WRITE=1 makes them");
    }
    assert!(frozen("audit_log") >= 3, "a chain takes three");
}

/// Does what fills every table.
async fn live(room: &Room) {
    let app = &room.app;
    let by = Actor::local("tess");
    let account = NewAccount { name: "tess".to_owned(), role: Role::Technician, password: Some(PASSWORD.to_owned()) };
    app.access.create_account(account, &by).await.expect("account");
    app.access.sign_in("tess", PASSWORD, SessionKind::Browser, None).await.expect("signed in");
    app.access.audit().record(Entry::new(&by, "endpoint.read", ENDPOINT)).await.expect("written down");
    app.enrollment.create_token(TokenOrder { uses: 3, ..TokenOrder::default() }).await.expect("token");
    records(app).await;
    let ticket = room.ticket("My disk is full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    room.send(&pull.id, &room.signed(full_disk())).await;
    let diagnosis = app.pulls.result(&pull.id).await.expect("readable").expect("there").diagnosis;
    let mut finding = diagnosis.findings.into_iter().next().expect("the disk is full");
    finding.state = FindingState::Active;
    finding.texts = Texts { user: "Your disk is full.".to_owned(), tech: "1 GiB left on /".to_owned() };
    let subject = Subject { id: ENDPOINT.to_owned(), name: "lap-ana".to_owned(), tags: BTreeMap::new(), epoch: None };
    let held = Held { finding: finding.clone(), title: "The disk is full".to_owned(), proactive: true };
    app.alerts.judge(subject, vec![held]).await.expect("judged");
    let matchers = Matchers { endpoint: Some("other".to_owned()), ..Matchers::default() };
    let until = Timestamp(START.0 + 3_600_000);
    app.alerts.silence(NewSilence { matchers, until, comment: "moves".to_owned() }, "tess").await.expect("silence");
    let document = serde_json::to_string(&finding).expect("JSON");
    let rows = app.store.write(|tx| {
        Box::pin(async move {
            let insert = "INSERT INTO findings (endpoint_id, check_id, instance, state, severity, onset_ms, changed_ms,
                document) VALUES ($1, 'disk-space-critical', '/', 'active', 4, $2, $2, $3)";
            sql::query(insert).bind(ENDPOINT).bind(START.0).bind(document).execute(&mut *tx).await?;
            let insert = "INSERT INTO certificates (serial, endpoint_key, issued_at_ms, expires_at_ms)
                SELECT '0a0b', key, $1, $1 + 1000 FROM endpoints";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert =
                "INSERT INTO fork_permits (name, endpoint_id, at_ms, used, rival) VALUES ('0c0d', $1, $2, 0, $3)";
            let rival = "{\"board\":\"b0a7\"}";
            sql::query(insert).bind(ENDPOINT).bind(START.0).bind(rival).execute(&mut *tx).await?;
            let insert = "INSERT INTO replicas (number, run_id, name, version, root_sha256, beat)
                VALUES (1, 'e1f2', 'replica-1', '0.1.0', '0a1b', 7)";
            sql::query(insert).execute(&mut *tx).await?;
            let insert =
                "INSERT INTO hardware_keys (kind, value, endpoint_key) SELECT 'serial', '5e6f', key FROM endpoints";
            sql::query(insert).execute(&mut *tx).await?;
            let insert = "INSERT INTO endpoint_tags (endpoint_key, name, source, value, origin, why, at_ms)
                SELECT key, 'site', 'person', 'north', 'tess', '', $1 FROM endpoints";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO retests (id, pull_id, ticket, endpoint_id, span, due_ms, mended)
                VALUES ('p-1 hour', 'p', 'FL-1001', $1, '1 hour', $2, '[]')";
            sql::query(insert).bind(ENDPOINT).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms,
                attended, why) VALUES (1001, 'helpdesk', '12', '12', 'https://rt.example.com/12', 'Workstations', 'lap-ana',
                NULL, 1, '')";
            sql::query(insert).execute(&mut *tx).await?;
            let insert = "INSERT INTO desk_marks (desk, mark, at_ms) VALUES ('helpdesk', '12', $1)";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO outbox (id, desk, ticket, note_id, change, state, attempts, unclear, run_id, made_ms,
                next_ms, changed_ms, said, outcome) VALUES ('o', 'helpdesk', 1001, NULL, '{\"state\":\"resolved\"}',
                'failed', 1, 0, '', $1, $1, $1, '403: Forbidden', '')";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO output_alerts (output, alert_id) VALUES ('automation', 'a')";
            sql::query(insert).execute(&mut *tx).await?;
            let insert = "INSERT INTO hook_calls (desk, digest, at_ms) VALUES ('helpdesk', '0a1b', $1)";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO alert_tickets (ticket, fingerprint, check_id, alert_id, fired_ms, incident_id, endpoints,
                when_over, over_ms, resolved_here, undiagnosed, verdict, closing) VALUES (1001, 'f', 'disk-space-critical', 'a',
                $1, NULL, 0, 'note', NULL, 0, 0, 'useful', 'resolved')";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO symptom_orders (symptom, estimated_at_ms, tickets, document)
                VALUES ('disk-full', $1, 21, '{\"volume-full\":15}')";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO outlooks (endpoint_key, check_id, at_ms, document)
                SELECT key, 'disk-fill-forecast', $1, $2 FROM endpoints";
            let outlook = r#"{"check":"disk-fill-forecast","at":"2026-01-21T12:00:00Z","found":[]}"#;
            sql::query(insert).bind(START.0).bind(outlook).execute(&mut *tx).await?;
            let insert = "INSERT INTO state_history (endpoint_key, series, at_ms, value)
                SELECT key, 'host.name', $1, '\"lap-ana\"' FROM endpoints";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO presence (slot, heard) VALUES ($1, $2)";
            sql::query(insert).bind(START.0 / 900_000).bind(vec![2_u8]).execute(&mut *tx).await?;
            let insert = "INSERT INTO incidents (id, check_id, state, opened_at_ms, closed_at_ms, document)
                VALUES ('i', 'dns-failing', 'closed', $1, $1, '{}')";
            sql::query(insert).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO incident_members (incident_id, endpoint_id, joined_at_ms) VALUES ('i', $1, $2)";
            sql::query(insert).bind(ENDPOINT).bind(START.0).execute(&mut *tx).await?;
            let insert = "INSERT INTO layouts (fingerprint, series, used_ms) VALUES ($1, $2, $3)";
            let series: Vec<String> = layout().series().iter().map(ToString::to_string).collect();
            let series = serde_json::to_string(&series).expect("JSON");
            sql::query(insert)
                .bind(layout().fingerprint().cast_signed())
                .bind(series)
                .bind(START.0)
                .execute(tx)
                .await?;
            Ok::<_, StoreError>(())
        })
    });
    rows.await.expect("rows");
    let later = |hours: i64| Timestamp(START.0 + hours * 3_600_000);
    app.history.seal(later(12)).await.expect("sealed");
    app.history.roll_up(later(40)).await.expect("rolled up");
    app.history.roll_up(later(24 * 20)).await.expect("rolled up again");
}

fn layout() -> Layout {
    Layout::new(vec![Series::new("system.cpu.utilization", [("cpu.mode", "user")])])
}

/// One record of each kind.
async fn records(app: &App) {
    let key: i64 = sql::query_scalar("SELECT key FROM endpoints").fetch_one(app.store.reads()).await.expect("a key");
    let at = |sequence: u64| START.0 - 600_000 + sequence as i64 * 1000;
    let row = |sequence, body| Row { sequence, at_ms: at(sequence), body };
    let value = |sequence, outcome: &str| {
        let (series, outcome) = ("host.name".to_owned(), outcome.to_owned());
        row(sequence, Body::Inventory(vec![StateValue { series, outcome, at_ms: at(sequence) }]))
    };
    let sample = |sequence| {
        let numbers = 0.25_f32.to_le_bytes().to_vec();
        row(sequence, Body::Sample { layout: layout().fingerprint(), step_seconds: 60, row: numbers, absences: None })
    };
    let event = Body::Event { series: "endpoint.service.failed".to_owned(), fields: "{}".to_owned(), count: 2 };
    let rows = vec![
        sample(1),
        sample(2),
        row(3, event),
        value(4, "{\"value\":\"lap-ana\"}"),
        value(5, "{\"value\":\"lap-bob\"}"),
        row(6, Body::Mark("booted")),
        row(9, Body::Dropped { first: 7, last: 8, samples: 1, others: 1 }),
    ];
    let batch = |rows, ahead| RecordBatch { endpoint_key: key, received_ms: START.0, rows, ahead, epoch: None };
    app.store.append(batch(rows, false)).await.expect("stored");
    app.store.append(batch(vec![sample(20)], true)).await.expect("stored ahead");
}

#[tokio::test]
async fn a_database_of_a_newer_program_and_one_with_other_migrations_are_refused_with_what_to_do() {
    let (folder, mut connection) = of_version(migrations::ALL.len()).await;
    let location = fixture::location(folder.path()).await;
    let entry = "INSERT INTO schema_migrations (number, name, checksum, applied_at_ms) VALUES (9999, 'fly', '', 0)";
    connection.raw(entry).await.expect("as if from the future");
    let said = Store::open(&location).await.expect_err("newer").to_string();
    assert!(said.contains("9999 (fly)") && said.contains("newer release, start that one"), "{said}");
    connection.raw("DELETE FROM schema_migrations WHERE number = 9999").await.expect("gone");
    connection.raw("UPDATE schema_migrations SET checksum = 'x' WHERE number = 2").await.expect("changed");
    let said = Store::open(&location).await.expect_err("changed").to_string();
    assert!(said.contains("0002 (create_records)") && said.contains("restore"), "{said}");
}
