//! What people say of incidents, and what tickets are told.

use super::*;
use crate::incident::tickets;
use crate::ticket::{NewTicket, TicketState, TicketUpdate};

impl Room {
    async fn ticket(&self, place: usize) -> String {
        let order =
            NewTicket { subject: "Nothing works".to_owned(), endpoint: Some(id(place)), ..NewTicket::default() };
        self.app.desk.open(order, "tess").await.expect("a ticket").number
    }

    /// The first line of each note of a ticket.
    async fn notes(&self, ticket: &str) -> Vec<String> {
        tickets::run(&self.app).await.expect("told");
        let notes = self.app.desk.show(ticket).await.expect("a ticket").notes;
        notes.iter().map(|note| note.body.to_plain().lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// Three of the five endpoints of a network fall silent: likely, not certain.
    async fn falls_silent(&self) {
        self.clock.advance(Duration::from_mins(6));
        let now = self.clock.now().unix_ms();
        let quiet = format!("'{}', '{}', '{}'", id(13), id(14), id(15));
        self.write(&[
            format!("UPDATE endpoints SET last_seen_ms = {now}, state = 'online'"),
            format!("UPDATE endpoints SET last_seen_ms = {}, state = 'silent' WHERE id IN ({quiet})", now - 300_000),
            format!(
                "UPDATE inventory SET outcome = '{{\"value\":\"gw-east\"}}' WHERE endpoint_key IN \
                 (SELECT key FROM endpoints WHERE id IN ({quiet}, '{}', '{}'))",
                id(16),
                id(17)
            ),
        ])
        .await;
        self.round().await;
    }
}

#[tokio::test]
async fn tickets_of_an_incident_say_so_once_and_hear_when_it_is_over() {
    let room = Room::open().await;
    let (first, other) = (room.ticket(0).await, room.ticket(30).await);
    for place in 0..12 {
        room.breaks(place).await;
    }
    room.round().await;
    assert_eq!(room.notes(&first).await, ["Part of an incident: Names cannot be looked up."]);
    assert_eq!(room.notes(&first).await.len(), 1, "told once, however often it is looked at");
    assert!(room.notes(&other).await.is_empty());
    let late = room.ticket(5).await;
    assert_eq!(room.notes(&late).await.len(), 1, "who complains later is told, too");
    let incident = room.open_incidents().await.remove(0);
    let shown = room.app.incidents.show(&incident.id).await.expect("an incident");
    assert_eq!(shown.tickets, [first.clone(), late.clone()]);
    let done = TicketUpdate { state: Some(TicketState::Closed), ..TicketUpdate::default() };
    room.app.desk.update(&late, done, "tess").await.expect("closed");
    for place in 0..12 {
        room.heals(place).await;
    }
    room.round().await;
    room.clock.advance(Duration::from_hours(1));
    room.round().await;
    assert_eq!(room.notes(&first).await.last().map(String::as_str), Some("The incident is over."));
    assert_eq!(room.notes(&first).await.len(), 2);
}

#[tokio::test]
async fn a_suspicion_asks_and_is_told_to_people_and_tickets_when_somebody_confirms_it() {
    let room = Room::open().await;
    let ticket = room.ticket(13).await;
    room.falls_silent().await;
    let incident = room.open_incidents().await.remove(0);
    assert!(incident.asks && incident.confidence < 0.8, "{incident:?}");
    assert!(room.loud().await.is_empty() && room.notes(&ticket).await.is_empty());
    let confirmed = room.app.incidents.confirm(&incident.id, "olga", "the power is out").await.expect("confirmed");
    assert_eq!(confirmed.confirmation.expect("said").by, "olga");
    room.round().await;
    assert_eq!(room.loud().await, ["3 endpoints"]);
    assert!(!room.open_incidents().await[0].asks);
    assert_eq!(room.notes(&ticket).await, ["Part of an incident: Endpoints have fallen silent."]);
}

#[tokio::test]
async fn what_is_dismissed_is_quiet_stays_dismissed_and_gives_its_endpoints_their_alerts_back() {
    let room = Room::open().await;
    let ticket = room.ticket(0).await;
    for place in 0..12 {
        room.breaks(place).await;
    }
    room.round().await;
    assert_eq!(room.notes(&ticket).await.len(), 1);
    let incident = room.open_incidents().await.remove(0);
    room.app.incidents.dismiss(&incident.id, "olga", "a planned test").await.expect("dismissed");
    for _ in 0..3 {
        room.round().await;
        assert!(room.open_incidents().await.is_empty(), "it is not opened anew");
    }
    assert_eq!(room.loud().await.len(), 12);
    assert_eq!(
        room.notes(&ticket).await.last().map(String::as_str),
        Some("It is no incident: that was dismissed by olga.")
    );
    for place in 0..12 {
        room.heals(place).await;
    }
    room.round().await;
    room.clock.advance(Duration::from_hours(1));
    room.round().await;
    let over = room.app.incidents.show(&incident.id).await.expect("it is kept");
    assert_eq!(over.state, IncidentState::Closed);
    let late = room.app.incidents.confirm(&incident.id, "olga", "").await;
    assert!(matches!(late, Err(AlertError::Refused(_))), "{late:?}");
}
