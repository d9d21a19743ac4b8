use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use super::run;
use crate::alert::tests::{but, held, subject};
use crate::alert::{AlertQuery, CheckUsefulness, Held};
use crate::app::{App, ManualClock, fixture};
use crate::config::{DeskSettings, TicketRule, WhenOver};
use crate::desk::standin::{StandIn, install};
use crate::store::fixture::{Enrolled, enrol};
use crate::ticket::{ClosingCode, Ticket, TicketQuery, TicketState, TicketUpdate};

/// A collector with a desk, and rules by which alerts become tickets.
struct Room {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    rules: Vec<TicketRule>,
    desk: StandIn,
    app: Arc<App>,
}

impl Room {
    async fn open(rule: TicketRule) -> Self {
        Box::pin(Self::prepared(rule)).await
    }

    async fn prepared(rule: TicketRule) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
        fixture::create(folder.path(), &*clock).await;
        let (rules, desk) = (vec![rule], StandIn::default());
        let app = collector(folder.path(), &clock, &rules, &desk).await;
        enrol(&app.store, Enrolled { id: "e1", name: "lap-1", ..Enrolled::default() }).await;
        Self { folder, clock, rules, desk, app }
    }

    /// The same collector, started again.
    async fn restart(&mut self) {
        self.app.store.close().await;
        self.app = collector(self.folder.path(), &self.clock, &self.rules, &self.desk).await;
    }

    async fn judge(&self, held: Vec<Held>) {
        self.app.alerts.judge(subject(), held).await.expect("judged");
    }

    /// Lets so many minutes pass, and everybody do what is due.
    async fn after(&self, minutes: u64) {
        self.clock.advance(Duration::from_mins(minutes));
        for _ in 0..2 {
            run(&self.app).await.expect("a turn");
            self.app.outbox.turn().await.expect("sent");
            self.app.outbox.follow().await.expect("read");
        }
    }

    /// Tickets here, the oldest first.
    async fn tickets(&self) -> Vec<Ticket> {
        let mut list = self.app.desk.list(&TicketQuery::default()).await.expect("a list").tickets;
        list.reverse();
        list
    }

    async fn usefulness(&self) -> Vec<CheckUsefulness> {
        self.app.alerts.usefulness(&self.app.config.desk, None).await.expect("counts").checks
    }

    /// What the notes at the desk begin with.
    fn noted(&self) -> Vec<String> {
        let side = self.desk.side();
        side.notes.iter().map(|note| note.text.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

async fn collector(
    folder: &std::path::Path,
    clock: &Arc<ManualClock>,
    rules: &[TicketRule],
    desk: &StandIn,
) -> Arc<App> {
    let settings = DeskSettings { name: "helpdesk".to_owned(), ..DeskSettings::default() };
    let mut config = fixture::config(folder).await;
    config.alerts.announced_per_hundred_a_day = 100;
    config.alerts.tickets = rules.to_vec();
    let mut app = App::open(folder, config, Arc::clone(clock) as _).await.expect("an app");
    install(&mut app, settings, desk);
    app
}

/// Alerts become tickets at the helpdesk at once.
fn at_helpdesk() -> TicketRule {
    TicketRule { desk: "helpdesk".to_owned(), after_seconds: 0, diagnose: false, ..TicketRule::default() }
}

#[tokio::test]
async fn an_alert_that_stands_becomes_one_ticket_whatever_restarts() {
    let mut room = Room::open(TicketRule { after_seconds: 120, ..at_helpdesk() }).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    assert!(room.tickets().await.is_empty(), "it may pass");
    for _ in 0..3 {
        room.after(1).await;
        room.restart().await;
    }
    let tickets = room.tickets().await;
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0].outside.as_ref().map(|outside| outside.number.as_str()), Some("1000"));
    assert_eq!(tickets[0].endpoint.as_ref().map(|endpoint| endpoint.name.as_str()), Some("lap-1"));
    let list = room.app.alerts.list(&AlertQuery::default()).await.expect("a list");
    assert_eq!(list.tickets.get(&list.alerts[0].id), Some(&tickets[0].number), "it is beside the alert");
    let side = room.desk.side();
    let there = &side.tickets["1000"];
    assert_eq!(there.subject, "The disk is full (/): lap-1");
    assert!(there.text.contains("1 GiB left on /") && there.text.contains("1. Empty the bin"), "{}", there.text);
    assert_eq!(side.opened.len(), 1);
    assert_eq!(side.changes[0].1.category.as_deref(), Some("Storage/Capacity"));
}

#[tokio::test]
async fn only_what_a_rule_means_becomes_a_ticket() {
    let rule = TicketRule { categories: vec!["Storage".to_owned()], ..at_helpdesk() };
    let room = Room::open(rule).await;
    room.judge(vec![
        but(held("mild"), |finding| finding.severity = Severity::Medium),
        but(held("other"), |finding| finding.category = "Network/DNS".to_owned()),
        Held { proactive: false, ..held("quiet") },
    ])
    .await;
    room.after(5).await;
    assert!(room.tickets().await.is_empty());
}

#[tokio::test]
async fn what_comes_back_while_its_ticket_is_open_is_a_note_on_it() {
    let room = Room::open(at_helpdesk()).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    room.judge(Vec::new()).await;
    room.after(1).await;
    // Days later it is another alert of the same trouble.
    for hours in [1, 60] {
        room.clock.advance(Duration::from_hours(hours));
        room.judge(vec![held("disk")]).await;
        room.after(1).await;
        room.judge(Vec::new()).await;
        room.after(1).await;
    }
    assert_eq!(room.tickets().await.len(), 1);
    assert_eq!(room.noted(), ["It is over.", "It is back.", "It is over.", "It is back.", "It is over."]);
}

#[tokio::test]
async fn what_comes_back_after_its_ticket_was_closed_is_a_new_one() {
    let room = Room::open(at_helpdesk()).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    room.desk.side().tickets.get_mut("1000").expect("there").state = "closed".to_owned();
    room.after(11).await;
    assert_eq!(room.tickets().await[0].state, TicketState::Closed);
    room.judge(Vec::new()).await;
    room.clock.advance(Duration::from_mins(10));
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    let states: Vec<TicketState> = room.tickets().await.iter().map(|ticket| ticket.state).collect();
    assert_eq!(states, [TicketState::Closed, TicketState::New]);
    assert_eq!(room.desk.side().opened.len(), 2);
}

#[tokio::test]
async fn a_ticket_that_nobody_but_firstline_resolved_is_opened_again_when_it_comes_back() {
    let room = Room::open(TicketRule { when_over: WhenOver::Resolve, ..at_helpdesk() }).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    room.judge(Vec::new()).await;
    room.after(1).await;
    assert_eq!(room.tickets().await[0].state, TicketState::Resolved);
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    let states: Vec<Option<TicketState>> = room.desk.side().changes.iter().map(|(_, change)| change.state).collect();
    assert_eq!(states, [None, Some(TicketState::Resolved), Some(TicketState::Open)]);
    assert_eq!(
        (room.tickets().await.len(), room.noted()),
        (1, vec!["It is over.".to_owned(), "It is back.".to_owned()])
    );
}

#[tokio::test]
async fn how_tickets_end_is_counted_for_each_check() {
    let room = Room::open(TicketRule { when_over: WhenOver::Resolve, ..at_helpdesk() }).await;
    let all = ["cured", "nothing", "dropped", "passed", "still"];
    let titled = |check: &str| Held { title: check.to_owned(), ..held(check) };
    room.judge(all.map(titled).to_vec()).await;
    room.after(1).await;
    room.judge(all.into_iter().filter(|check| *check != "passed").map(titled).collect()).await;
    room.after(1).await;
    let end = |check: &str, state: &str| {
        let mut side = room.desk.side();
        let ticket = side.tickets.values_mut().find(|ticket| ticket.subject.starts_with(check));
        ticket.expect("there").state = state.to_owned();
    };
    end("cured", "resolved");
    end("nothing", "Rejected");
    room.after(11).await;
    room.desk.side().closing = "False alarm".to_owned();
    end("dropped", "closed");
    room.after(11).await;
    let counts = room.usefulness().await;
    let counted: Vec<_> = counts
        .iter()
        .map(|one| (one.check.as_str(), one.useful, one.not_useful, one.passed, one.open, one.useful_share))
        .collect();
    assert_eq!(
        counted,
        [
            ("cured", 1, 0, 0, 0, Some(1.0)),
            ("dropped", 0, 1, 0, 0, Some(0.0)),
            ("nothing", 0, 1, 0, 0, Some(0.0)),
            ("passed", 0, 0, 1, 0, None),
            ("still", 0, 0, 0, 1, None),
        ]
    );
}

#[tokio::test]
async fn the_built_in_desk_has_tickets_of_alerts_too() {
    let room = Room::open(TicketRule { after_seconds: 0, ..TicketRule::default() }).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    let tickets = room.tickets().await;
    assert_eq!((tickets.len(), tickets[0].desk.as_str()), (1, "builtin"));
    let pulls = room.app.pulls.of_ticket(&tickets[0].number).await.expect("pulls");
    assert_eq!(pulls.len(), 1, "its endpoint is asked");
    let update = TicketUpdate { state: Some(TicketState::Closed), ..TicketUpdate::default() };
    room.app.desk.update(&tickets[0].number, update, "tess").await.expect("closed");
    room.after(1).await;
    assert_eq!(room.usefulness().await[0].useful, 1);
    assert!(room.desk.side().opened.is_empty());
}

#[tokio::test]
async fn the_closing_code_of_the_built_in_desk_is_read_back_and_counted() {
    let room = Room::open(TicketRule { after_seconds: 0, diagnose: false, ..TicketRule::default() }).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    let ticket = room.tickets().await[0].number.clone();
    let end = async |state: Option<TicketState>, closing: Option<ClosingCode>| {
        let update = TicketUpdate { state, closing, ..TicketUpdate::default() };
        room.app.desk.update(&ticket, update, "tess").await.expect("changed");
        room.after(1).await;
        let one = room.usefulness().await.remove(0);
        (one.open, one.useful, one.not_useful)
    };
    assert_eq!(end(Some(TicketState::Closed), Some(ClosingCode::Nothing)).await, (0, 0, 1));
    assert_eq!(end(None, Some(ClosingCode::Accepted)).await, (0, 1, 0), "somebody thought again");
    assert_eq!(end(Some(TicketState::Open), None).await, (1, 0, 0), "it is not over");
    assert_eq!(end(Some(TicketState::Closed), Some(ClosingCode::Otherwise)).await, (0, 0, 1));
}

#[tokio::test]
async fn a_ticket_that_was_merged_at_its_desk_says_neither() {
    let room = Room::open(at_helpdesk()).await;
    room.judge(vec![held("disk")]).await;
    room.after(1).await;
    room.desk.side().closing = "closed_by_merge".to_owned();
    room.desk.side().tickets.get_mut("1000").expect("there").state = "closed".to_owned();
    room.after(11).await;
    let one = room.usefulness().await.remove(0);
    assert_eq!((one.useful, one.not_useful, one.passed, one.useful_share), (0, 0, 1, None));
    let outside = room.tickets().await[0].outside.clone().expect("at the desk");
    assert_eq!(outside.closing, "closed_by_merge", "and it is shown");
}
