use std::time::Duration;

use firstline_diagnosis::document::Diagnosis;
use firstline_diagnosis::vocabulary::Timestamp;

use super::{Standing, SymptomLine, follow, rows};
use crate::app::App;
use crate::app::fixture::Ground;
use crate::config::DeskSettings;
use crate::detect::orders::{Counts, SymptomCounts};
use crate::detect::tests::{ENDPOINT, Room};
use crate::store::{Connection, StoreError, sql};

/// A symptom with two candidates.
const LAB: &str = "[[symptom]]\nid = \"lab\"\nlabel = \"The laboratory stands still\"\nwords = [\"laboratory\"]\n\
    candidates = [\"volume-full\", \"service-not-running\"]\n";

const DAY: Duration = Duration::from_hours(24);

/// How a ticket ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    state: &'static str,
    /// Of its first diagnosis; the later ones are about something else.
    symptom: Option<&'static str>,
    /// What its diagnoses answered, the first one first; empty: nothing.
    answers: &'static [&'static str],
    /// With which code at the built-in desk; empty: none.
    code: &'static str,
    /// With which code at the helpdesk; none: it is the built-in desk's.
    closing: Option<&'static str>,
    opened_days_ago: u32,
    of_alert: bool,
}

impl Default for Ended {
    fn default() -> Self {
        let answers = &["service-not-running"];
        Self {
            state: "closed",
            symptom: Some("lab"),
            answers,
            code: "",
            closing: None,
            opened_days_ago: 30,
            of_alert: false,
        }
    }
}

/// So many tickets that ended so, numbered from `first` on.
async fn ended(app: &App, first: i64, count: i64, ended: Ended) {
    let now = app.clock.now();
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            for number in first..first + count {
                ticket(tx, number, now - DAY * ended.opened_days_ago, ended).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    write.await.expect("tickets");
}

async fn ticket(tx: &mut Connection, number: i64, at: Timestamp, ended: Ended) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO tickets (number, subject, body, requester_name, requester_email, requester_sign_in, endpoint_id,
        state, category, impact, urgency, opened_at_ms, updated_at_ms, opened_by, closing)
        VALUES ($1, '', '', '', '', '', $2, $3, '', NULL, NULL, $4, $4, 'tess', $5)";
    let row = sql::query(insert).bind(number).bind(ENDPOINT).bind(ended.state);
    row.bind(at.unix_ms()).bind(ended.code).execute(&mut *tx).await?;
    for (index, answer) in ended.answers.iter().enumerate() {
        let symptom = if index == 0 { ended.symptom } else { Some("disk-full") };
        let at = at + Duration::from_mins(1 + index as u64);
        diagnosis(tx, &format!("p-{number}-{index}"), number, at, (symptom, *answer)).await?;
    }
    if let Some(closing) = ended.closing {
        let insert =
            "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms, attended, why,
            state_there, closing, read_ms) VALUES ($1, 'helpdesk', $2, $2, '', '', '', NULL, 1, '', 'done', $3, $4)";
        let row = sql::query(insert).bind(number).bind(number.to_string()).bind(closing);
        row.bind((at + DAY).unix_ms()).execute(&mut *tx).await?;
    }
    if ended.of_alert {
        let insert =
            "INSERT INTO alert_tickets (ticket, fingerprint, check_id, alert_id, fired_ms, incident_id, endpoints,
            when_over, over_ms, resolved_here, undiagnosed, verdict, closing)
            VALUES ($1, 'f', 'volume-full', 'a', $2, NULL, 0, 'note', NULL, 0, 0, '', '')";
        sql::query(insert).bind(number).bind(at.unix_ms()).execute(tx).await?;
    }
    Ok(())
}

/// A diagnosis on a ticket: what was asked, and what was the answer.
async fn diagnosis(
    tx: &mut Connection,
    pull: &str,
    number: i64,
    at: Timestamp,
    (symptom, answer): (Option<&str>, &str),
) -> Result<(), StoreError> {
    let at = at.unix_ms();
    let insert = "INSERT INTO pulls (id, endpoint_id, ticket, state, requested_at_ms, expires_at_ms, document)
        VALUES ($1, $2, 'FL', 'done', $3, $3, '{}')";
    sql::query(insert).bind(pull).bind(ENDPOINT).bind(at).execute(&mut *tx).await?;
    let insert = "INSERT INTO blobs (sha256, bytes) VALUES ('0a1b', $1) ON CONFLICT (sha256) DO NOTHING";
    sql::query(insert).bind(Vec::<u8>::new()).execute(&mut *tx).await?;
    let insert =
        "INSERT INTO snapshots (id, pull_id, endpoint_id, taken_at_ms, received_at_ms, document_sha256, diagnosis)
        VALUES ($1, $1, $2, $3, $3, '0a1b', $4)";
    let said = serde_json::json!({ "symptom": symptom, "primary": answer, "findings": [] }).to_string();
    sql::query(insert).bind(pull).bind(ENDPOINT).bind(at).bind(said).execute(&mut *tx).await?;
    let insert = "INSERT INTO diagnoses (pull_id, ticket, endpoint_id, at_ms, check_id, model, site, build, document)
        VALUES ($1, $2, $3, $4, $5, '', '', '', '{}')";
    sql::query(insert).bind(pull).bind(number).bind(ENDPOINT).bind(at).bind(answer).execute(tx).await?;
    Ok(())
}

/// A machine on which both candidates hold.
async fn sick() -> Room {
    let mut room = Room::open().await;
    room.lay_over(LAB).await;
    room.minutes(3, 50.0).await;
    room.service("stopped").await;
    room.minutes(8, 0.1).await;
    room
}

/// The month's count, taken over.
async fn count(app: &App) {
    app.symptoms.estimate().await.expect("counted");
    follow(app).await.expect("taken over");
}

async fn asked(room: &Room) -> Diagnosis {
    room.app.detect.diagnose(ENDPOINT, Some("the laboratory")).await.expect("an answer")
}

fn line(app: &App) -> SymptomLine {
    app.symptoms.of("lab").expect("the symptom").symptoms.remove(0)
}

/// The candidates as they stand: check, confirmed, prior place.
fn places(line: &SymptomLine) -> Vec<(&str, u64, usize)> {
    line.candidates.iter().map(|one| (one.check.as_str(), one.confirmed, one.prior)).collect()
}

#[tokio::test]
async fn thirty_closed_tickets_change_which_of_two_findings_is_the_answer() {
    let room = sick().await;
    let before = asked(&room).await;
    assert_eq!(before.primary.as_deref(), Some("volume-full"));
    assert_eq!(line(&room.app).standing, Standing::NotCounted);
    ended(&room.app, 5000, 30, Ended::default()).await;
    assert_eq!(asked(&room).await.primary, before.primary, "until they are counted");
    count(&room.app).await;
    let after = asked(&room).await;
    assert_eq!(after.primary.as_deref(), Some("service-not-running"));
    assert!(after.findings.iter().any(|finding| finding.id == "volume-full"), "it is said, too");
    assert!(after.catalogue.starts_with(&format!("{}.", before.catalogue)), "{}", after.catalogue);
    let shown = line(&room.app);
    assert_eq!((shown.standing, shown.tickets, shown.elsewhere), (Standing::InForce, 30, 0));
    assert_eq!(places(&shown), [("service-not-running", 30, 2), ("volume-full", 0, 1)]);
    assert_eq!(shown.candidates.iter().map(|one| one.p).collect::<Vec<_>>(), [31.0 / 32.0, 1.0 / 32.0]);

    let mut room = room.restart().await;
    room.minute(0.1).await;
    let later = asked(&room).await;
    assert_eq!((later.primary, later.catalogue), (after.primary, after.catalogue), "a restart keeps the order");

    let mut room = room.restart_with(|config| config.diagnosis.reorder_symptoms = false).await;
    room.minute(0.1).await;
    let prior = asked(&room).await;
    assert_eq!((prior.primary, prior.catalogue), (before.primary, before.catalogue), "switched off");
    let shown = line(&room.app);
    assert_eq!((shown.standing, shown.tickets), (Standing::SwitchedOff, 30));
    assert_eq!(places(&shown), [("volume-full", 0, 1), ("service-not-running", 30, 2)]);
}

#[tokio::test]
async fn tickets_that_were_closed_as_of_no_use_confirm_nothing() {
    let room = sick().await;
    let helpdesk = || DeskSettings { name: "helpdesk".to_owned(), ..DeskSettings::default() };
    let mut room = room.restart_with(|config| config.desk.push(helpdesk())).await;
    room.minute(0.1).await;
    ended(&room.app, 5000, 30, Ended { closing: Some("Rejected"), ..Ended::default() }).await;
    ended(&room.app, 5030, 1, Ended { closing: Some("Solved"), answers: &["volume-full"], ..Ended::default() }).await;
    ended(&room.app, 5031, 1, Ended { closing: Some("merged"), ..Ended::default() }).await;
    ended(&room.app, 5032, 5, Ended { code: "otherwise", ..Ended::default() }).await;
    ended(&room.app, 5037, 1, Ended { code: "solved", answers: &["volume-full"], ..Ended::default() }).await;
    count(&room.app).await;
    assert_eq!(asked(&room).await.primary.as_deref(), Some("volume-full"));
    let shown = line(&room.app);
    assert_eq!((shown.standing, shown.tickets), (Standing::InForce, 37), "what was merged is another ticket's");
    assert_eq!(places(&shown), [("volume-full", 2, 1), ("service-not-running", 0, 2)]);
}

#[tokio::test]
async fn what_counts_is_what_people_complained_of_and_closed_within_a_year() {
    let room = sick().await;
    let one = Ended::default();
    let kinds = [
        Ended { state: "resolved", ..one },
        Ended { answers: &["volume-full", "service-not-running", ""], ..one },
        Ended { answers: &["disk-space-critical"], ..one },
        Ended { answers: &[""], ..one },
        Ended { state: "open", ..one },
        Ended { opened_days_ago: 370, ..one },
        Ended { of_alert: true, ..one },
        Ended { symptom: None, ..one },
        Ended { answers: &[], ..one },
    ];
    for (index, kind) in kinds.into_iter().enumerate() {
        ended(&room.app, 5000 + index as i64, 1, kind).await;
    }
    count(&room.app).await;
    let shown = line(&room.app);
    assert_eq!((shown.tickets, shown.elsewhere), (4, 1), "the first four");
    assert_eq!(places(&shown), [("volume-full", 0, 1), ("service-not-running", 2, 2)]);
    assert_eq!(shown.standing, Standing::TooFewTickets);
    assert_eq!(room.app.symptoms.all().symptoms.len(), 1 + prior_symptoms());
    assert_eq!(room.app.symptoms.of("nonsense"), None);
}

fn prior_symptoms() -> usize {
    firstline_diagnosis::catalogue::Catalogue::builtin().symptoms().len()
}

#[tokio::test]
async fn tickets_are_counted_once_a_month() {
    let room = sick().await;
    ended(&room.app, 5000, 300, Ended::default()).await;
    count(&room.app).await;
    let first = room.app.symptoms.all();
    assert_eq!(line(&room.app).tickets, 300, "more than are read at a time");
    ended(&room.app, 5300, 5, Ended::default()).await;
    // The clock stands in the afternoon of January 21.
    room.clock.advance(DAY * 10);
    count(&room.app).await;
    assert_eq!(room.app.symptoms.all(), first, "still January");
    room.clock.advance(DAY);
    count(&room.app).await;
    assert_eq!(line(&room.app).tickets, 305);
    assert_eq!(line(&room.app).standing, Standing::InForce);
}

#[tokio::test]
async fn of_two_collectors_that_count_in_a_month_the_first_counts() {
    let ground = Ground::new().await;
    let write = |at: Timestamp, tickets: u64| {
        let confirmed = [("volume-full".to_owned(), tickets)].into();
        let counts = Counts::from([("lab".to_owned(), SymptomCounts { tickets, confirmed })]);
        ground.store.write(move |tx| Box::pin(async move { rows::keep(tx, at, &counts).await }))
    };
    let now = Timestamp(1_769_000_000_000);
    write(now, 30).await.expect("kept");
    write(now + DAY, 31).await.expect("left as it is");
    let (at, counts) = rows::counted(ground.store.reads()).await.expect("readable");
    assert_eq!((at, counts["lab"].tickets, counts["lab"].confirmed["volume-full"]), (Some(now), 30, 30));
    write(now + DAY * 20, 32).await.expect("kept");
    let (at, counts) = rows::counted(ground.store.reads()).await.expect("readable");
    assert_eq!((at, counts["lab"].tickets), (Some(now + DAY * 20), 32));
}
