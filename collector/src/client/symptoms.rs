use super::Out;
use super::connection::Connection;
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::symptom::{SymptomLine, SymptomList};

pub(super) async fn list(connection: &Connection, symptom: Option<&str>, out: Out) -> Result<(), Failure> {
    let query: Vec<(&str, &str)> = symptom.map(|symptom| ("symptom", symptom)).into_iter().collect();
    let list: SymptomList = connection.get("/symptoms", &query).await?;
    out.print(&list, || print(&list))
}

fn print(list: &SymptomList) -> String {
    let counted = match (list.estimated_at, list.since) {
        (Some(at), Some(since)) => format!("Counted at {at}, of tickets opened since {since}.\n"),
        _ => "Closed tickets were not counted yet.\n".to_owned(),
    };
    let symptom = |one: &SymptomLine| format!("{}\n{}", harmless(&head(one, list.least_tickets)), candidates(one));
    let catalogue = format!("Catalogue {}", harmless(&list.catalogue));
    let parts = std::iter::once(counted).chain(list.symptoms.iter().map(symptom)).chain([catalogue]);
    parts.collect::<Vec<_>>().join("\n")
}

fn head(symptom: &SymptomLine, least: u64) -> String {
    let SymptomLine { id, label, tickets, elsewhere, .. } = symptom;
    let others = if *elsewhere > 0 { format!(" ({elsewhere} were about something else)") } else { String::new() };
    format!("{label} [{id}]: {tickets} closed tickets{others}; {}", symptom.order(least))
}

fn candidates(symptom: &SymptomLine) -> String {
    let mut table = Table::new(["now", "prior", "confirmed", "p", "check", "title"]);
    for one in &symptom.candidates {
        let [place, prior] = [one.place, one.prior].map(|place| place.to_string());
        let (confirmed, p) = (one.confirmed.to_string(), format!("{:.3}", one.p));
        table.row([place, prior, confirmed, p, one.check.clone(), one.title.clone()]);
    }
    table.print("No candidates.\n")
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Timestamp;

    use super::*;
    use crate::symptom::{Candidate, Standing};

    fn candidate(place: usize, prior: usize, confirmed: u64, check: &str) -> Candidate {
        let p = (confirmed as f64 + 1.0) / 32.0;
        Candidate { check: check.to_owned(), title: check.replace('-', " "), confirmed, p, prior, place }
    }

    #[test]
    fn the_counts_stand_beside_the_order_that_follows_from_them() {
        let symptom = SymptomLine {
            id: "slow-computer".to_owned(),
            label: "Slow computer".to_owned(),
            tickets: 30,
            elsewhere: 2,
            standing: Standing::InForce,
            candidates: vec![candidate(1, 2, 20, "runaway-process"), candidate(2, 1, 3, "memory-pressure")],
        };
        let few = SymptomLine { standing: Standing::TooFewTickets, candidates: Vec::new(), ..symptom.clone() };
        let list = SymptomList {
            catalogue: "0.1.0+0a1b2c3d.4e5f6a7b".to_owned(),
            estimated_at: Some(Timestamp(1_769_000_000_000)),
            since: Some(Timestamp(1_737_464_000_000)),
            least_tickets: 20,
            symptoms: vec![symptom, SymptomLine { tickets: 7, elsewhere: 0, ..few }],
        };
        insta::assert_snapshot!(print(&list), @r"
        Counted at 2026-01-21T12:53:20Z, of tickets opened since 2025-01-21T12:53:20Z.

        Slow computer [slow-computer]: 30 closed tickets (2 were about something else); the order they show is in force
        NOW  PRIOR  CONFIRMED  P      CHECK            TITLE
        1    2      20         0.656  runaway-process  runaway process
        2    1      3          0.125  memory-pressure  memory pressure

        Slow computer [slow-computer]: 7 closed tickets; order of the catalogue, since it takes 20 to go by
        No candidates.

        Catalogue 0.1.0+0a1b2c3d.4e5f6a7b
        ");
    }
}
