use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Report, Table, first_diagnosis, report};
use crate::alert::AlertEndpoint;
use crate::app::{App, Clock as _, ManualClock, fixture};
use crate::desk::output::{DiagnosisEvent, EventTicket};
use crate::pull::tests::room as pulled;
use crate::store::fixture::{Enrolled, enrol};
use crate::store::{StoreError, sql};
use crate::ticket::diagnosed::NewDiagnosis;
use crate::ticket::rich_text::RichText;
use crate::ticket::{ClosingCode, NewNote, NewTicket, TicketState, TicketUpdate};

struct Room {
    _folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    app: Arc<App>,
}

impl Room {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
        let config = fixture::create(folder.path(), &*clock).await;
        let app = App::open(folder.path(), config, Arc::clone(&clock) as _).await.expect("an app");
        enrol(&app.store, Enrolled { id: "e1", name: "=lap-1", ..Enrolled::default() }).await;
        Self { _folder: folder, clock, app }
    }

    async fn ticket(&self) -> EventTicket {
        let order = NewTicket { subject: "Slow".to_owned(), ..NewTicket::default() };
        EventTicket::from(&self.app.desk.open(order, "tess").await.expect("opened"))
    }

    /// Writes a diagnosis onto a ticket, so many seconds later.
    async fn diagnose(&self, ticket: &EventTicket, pull: &str, check: &str, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        let event = DiagnosisEvent {
            ticket: ticket.clone(),
            endpoint: AlertEndpoint { id: "e1".to_owned(), name: "lap-1".to_owned() },
            snapshot: pull.to_owned(),
            taken_at: self.clock.now(),
            summary: String::new(),
            findings: Vec::new(),
        };
        let [check, model, site, build] = [check, "ThinkPad T14", "north", ""].map(str::to_owned);
        let diagnosis = NewDiagnosis { check, model, site, build, event };
        let note = NewNote { body: RichText::paragraphs("Full."), ..NewNote::default() };
        self.app.desk.note_of_pull(&ticket.number, pull, note, Some(diagnosis)).await.expect("noted");
    }

    async fn report(&self) -> Report {
        let now = self.clock.now();
        report(&self.app, now - Duration::from_hours(24), now + Duration::from_secs(1)).await.expect("a report")
    }
}

#[tokio::test]
async fn a_report_counts_tickets_diagnoses_and_how_long_the_first_took() {
    let room = Room::open().await;
    let [one, two, _without] = [room.ticket().await, room.ticket().await, room.ticket().await];
    room.diagnose(&one, "p1", "disk-space-critical", 10).await;
    room.diagnose(&two, "p2", "disk-space-critical", 20).await;
    room.diagnose(&two, "p3", "", 30).await;
    let report = room.report().await;
    let desk = &report.desks[0];
    assert_eq!((desk.desk.as_str(), desk.tickets, desk.diagnosed, desk.diagnoses), ("builtin", 3, 2, 3));
    assert_eq!((desk.first_diagnosis_seconds_median, desk.first_diagnosis_seconds_p95), (Some(20.0), Some(29.0)));
    let lines: Vec<_> = report.findings.iter().map(|one| (one.by.as_str(), one.group.as_str(), one.tickets)).collect();
    assert_eq!(lines, [("model", "ThinkPad T14", 2), ("site", "north", 2), ("build", "", 2)]);
    assert_eq!(report.repeats.len(), 1, "an answer without a finding is none that comes back");
    assert_eq!(report.repeats[0].tickets, [one.number, two.number]);
    assert!(report.whole);
}

#[tokio::test]
async fn what_was_diagnosed_before_diagnoses_had_rows_is_counted_from_its_notes() {
    let room = pulled::Room::open().await;
    let ticket = room.ticket("My disk is full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    room.clock.advance(Duration::from_secs(4));
    room.send(&pull.id, &room.signed(pulled::full_disk())).await;
    let over = async || {
        let now = room.clock.now();
        report(&room.app, now - Duration::from_hours(24), now + Duration::from_secs(1)).await.expect("a report")
    };
    let kept = over().await;
    assert_eq!((kept.desks[0].diagnoses, kept.desks[0].first_diagnosis_seconds_median), (1, Some(4.0)));
    room.alter("DELETE FROM diagnoses").await;
    // As if they had been kept only from later on.
    room.alter("UPDATE schema_migrations SET applied_at_ms = 9000000000000 WHERE number = 171").await;
    let older = over().await;
    assert_eq!(older.desks, kept.desks);
    let found = |report: &Report| (report.findings[0].check.clone(), report.findings[0].tickets);
    assert_eq!(found(&older), found(&kept));
    let number = crate::ticket::number_of(&ticket).expect("a number");
    let first = first_diagnosis(room.app.store.reads(), number).await.expect("readable");
    assert_eq!(first, Some(room.clock.now()), "on the page of the ticket, too");
}

#[tokio::test]
async fn what_closes_a_diagnosed_ticket_judges_the_check_that_was_its_first_answer() {
    let room = Room::open().await;
    for (pull, code) in [("p1", ClosingCode::Solved), ("p2", ClosingCode::Solved), ("p3", ClosingCode::Otherwise)] {
        let ticket = room.ticket().await;
        room.diagnose(&ticket, pull, "disk-space-critical", 1).await;
        room.diagnose(&ticket, &format!("{pull} again"), "reboot-pending", 1).await;
        let update = TicketUpdate { state: Some(TicketState::Closed), closing: Some(code), ..TicketUpdate::default() };
        room.app.desk.update(&ticket.number, update, "tess").await.expect("closed");
    }
    let report = room.report().await;
    let counts: Vec<_> = report.checks.iter().map(|one| (one.check.as_str(), one.useful, one.not_useful)).collect();
    assert_eq!(counts, [("disk-space-critical", 2, 1)]);
    let csv = report.csv(Table::Checks);
    assert!(csv.lines().nth(1).is_some_and(|line| line.starts_with("disk-space-critical,2,1,0,0,0.66")), "{csv}");
}

#[tokio::test]
async fn due_times_are_held_against_the_first_diagnosis() {
    let room = Room::open().await;
    let [early, late, _without] = [room.ticket().await, room.ticket().await, room.ticket().await];
    let due = room.clock.now() + Duration::from_secs(15);
    let put = room.app.store.write(move |tx| {
        Box::pin(async move {
            for (ticket, due) in [(1001_i64, Some(due)), (1002, Some(due)), (1003, None)] {
                let insert = "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms, attended, why) \
                              VALUES ($1, 'helpdesk', $2, $2, '', '', '', $3, 1, '')";
                let row = sql::query(insert).bind(ticket).bind(ticket.to_string()).bind(due.map(Timestamp::unix_ms));
                row.execute(&mut *tx).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    put.await.expect("rows");
    room.diagnose(&early, "p1", "disk-space-critical", 10).await;
    room.diagnose(&late, "p2", "disk-space-critical", 10).await;
    let report = room.report().await;
    assert_eq!((report.desks[0].due, report.desks[0].diagnosed_before_due), (2, 1));
    assert!(report.csv(Table::Desks).lines().nth(1).is_some_and(|line| line.ends_with(",2,1")));
}

#[tokio::test]
async fn a_spreadsheet_takes_no_name_for_a_formula() {
    let room = Room::open().await;
    for pull in ["p1", "p2"] {
        let ticket = room.ticket().await;
        room.diagnose(&ticket, pull, "disk-space-critical", 1).await;
    }
    let csv = room.report().await.csv(Table::Repeats);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "endpoint,endpoint_id,check,title,tickets,numbers");
    assert!(lines[1].starts_with("'=lap-1,e1,disk-space-critical,"), "{csv}");
    assert!(lines[1].ends_with(",2,FL-1001 FL-1002"), "{csv}");
}
