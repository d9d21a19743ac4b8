use super::Out;
use super::command::Audit;
use super::connection::Connection;
use super::failure::Failure;
use super::table::Table;
use crate::access::audit::{AuditPage, ChainReport};

pub(super) async fn follow(connection: &Connection, order: Audit, out: Out) -> Result<(), Failure> {
    match order {
        Audit::List { search, limit, before } => {
            let (limit, before) = (limit.to_string(), before.map(|place| place.to_string()));
            let mut query = vec![("search", search.as_str()), ("limit", limit.as_str())];
            query.extend(before.as_deref().map(|place| ("before", place)));
            let page: AuditPage = connection.get("/audit", &query).await?;
            out.print(&page, || print(&page))
        }
        Audit::Verify => {
            let report: ChainReport = connection.get("/audit/verify", &[]).await?;
            out.print(&report, || format!("{} entries fit; the last hash is {}", report.entries, report.head))?;
            match report.broken_at {
                Some(entry) => Err(Failure::failed(format!(
                    "the chain of the audit log breaks at entry {entry}: it was changed, or one before it was taken out"
                ))),
                None => Ok(()),
            }
        }
    }
}

fn print(page: &AuditPage) -> String {
    let mut table = Table::new(["no.", "when", "who", "did", "to", "detail", "for", "from"]);
    for entry in &page.entries {
        table.row([
            entry.sequence.to_string(),
            entry.at.0.to_string(),
            entry.who.clone(),
            entry.action.clone(),
            entry.endpoint.clone().unwrap_or_else(|| entry.object.clone()),
            entry.detail.clone(),
            entry.ticket.clone(),
            entry.address.clone(),
        ]);
    }
    let older = page.next.map_or_else(String::new, |place| format!("Older ones: --before {place}\n"));
    format!("{}{older}", table.print("No entries.\n"))
}
