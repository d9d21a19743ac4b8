use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Report, Table, report};
use crate::alert::AlertEndpoint;
use crate::app::{App, Clock as _, ManualClock, fixture};
use crate::desk::output::{DiagnosisEvent, EventTicket};
use crate::store::fixture::{Enrolled, enrol};
use crate::ticket::diagnosed::NewDiagnosis;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewNote, NewTicket};

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
