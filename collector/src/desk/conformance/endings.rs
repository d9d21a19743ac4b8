//! How tickets end that people opened, from the desk to what is counted.

use std::time::Duration;

use super::Room;
use crate::desk::standin::install_desk;
use crate::pull::tests::room::Room as Collector;

/// The answer to every ticket.
const DIAGNOSED: &str =
    "INSERT INTO diagnoses (pull_id, ticket, endpoint_id, at_ms, check_id, model, site, build, document)
    SELECT 'p', number, 'e1', opened_at_ms, 'volume-full', '', '', '', '{}' FROM tickets";

pub(crate) async fn how_a_persons_ticket_ended_judges_the_check_that_was_its_answer(room: Room) {
    let Room { desk, side, settings, _folder, .. } = room;
    let mut collector = Collector::open().await;
    install_desk(&mut collector.app, settings, desk);
    let number = side.opens("Outlook hangs", "since 10:40");
    let page = collector.app.outbox.bring("helpdesk", &number, "tess").await.expect("brought").number;
    collector.alter(DIAGNOSED).await;
    let mut seen = Vec::new();
    for code in [None, Some("Repaired"), None, Some("False alarm")] {
        if code.is_some() || !seen.is_empty() {
            side.ends(&number, code);
        }
        collector.clock.advance(Duration::from_hours(25));
        collector.app.outbox.follow().await.expect("read");
        let ticket = collector.app.desk.show(&page).await.expect("there");
        let counts = collector.app.alerts.usefulness(&collector.app.config.desk, None).await.expect("counts").checks;
        let counts: Vec<_> = counts.into_iter().map(|one| (one.check, one.useful, one.not_useful)).collect();
        let closing = ticket.outside.map(|outside| outside.closing).unwrap_or_default();
        seen.push((ticket.state.is_over(), closing, counts));
    }
    let counted = |useful, not_useful| vec![("volume-full".to_owned(), useful, not_useful)];
    assert_eq!(
        seen,
        [
            (false, String::new(), Vec::new()),
            (true, "Repaired".to_owned(), counted(1, 0)),
            (false, String::new(), Vec::new()),
            (true, "False alarm".to_owned(), counted(0, 1)),
        ]
    );
}
