use super::alerts::print_useful;
use super::command::Report as Order;
use super::connection::Connection;
use super::failure::Failure;
use super::table::Table;
use super::{Out, line};
use crate::report::Report;

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    let moments = [("from", order.from), ("to", order.to)].map(|(name, at)| at.map(|at| (name, at.0.to_string())));
    let query: Vec<(&str, &str)> = moments.iter().flatten().map(|(name, at)| (*name, at.as_str())).collect();
    let report: Report = connection.get("/report", &query).await?;
    if let Some(table) = order.csv {
        line(report.csv(table).trim_end());
        return Ok(());
    }
    out.print(&report, || {
        [desks(&report), findings(&report), repeats(&report), print_useful(&report.checks)].join("\n")
    })
}

fn desks(report: &Report) -> String {
    let mut table = Table::new([
        "desk",
        "tickets",
        "diagnosed",
        "diagnoses",
        "first diagnosis, median",
        "95 % within",
        "due",
        "diagnosed before",
    ]);
    for desk in &report.desks {
        let counts = [desk.tickets, desk.diagnosed, desk.diagnoses].map(|count| count.to_string());
        let [tickets, diagnosed, diagnoses] = counts;
        let times = [desk.first_diagnosis_seconds_median, desk.first_diagnosis_seconds_p95];
        let [median, most] = times.map(|seconds| seconds.map_or_else(|| "-".to_owned(), |one| format!("{one:.0} s")));
        let [due, before] = [desk.due, desk.diagnosed_before_due].map(|count| count.to_string());
        table.row([desk.desk.clone(), tickets, diagnosed, diagnoses, median, most, due, before]);
    }
    table.print("No ticket was opened and none diagnosed in this time.")
}

fn findings(report: &Report) -> String {
    let mut table = Table::new(["by", "which", "what", "tickets", "endpoints"]);
    for one in &report.findings {
        let group = if one.group.is_empty() { "not told" } else { &one.group };
        let [tickets, endpoints] = [one.tickets, one.endpoints].map(|count| count.to_string());
        table.row([one.by.clone(), group.to_owned(), one.title.clone(), tickets, endpoints]);
    }
    table.print("Nothing was found.")
}

fn repeats(report: &Report) -> String {
    let mut table = Table::new(["endpoint", "what", "tickets"]);
    for one in &report.repeats {
        table.row([one.endpoint.name.clone(), one.title.clone(), one.tickets.join(" ")]);
    }
    table.print("Nothing came back on another ticket.")
}
