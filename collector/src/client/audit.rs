use super::Out;
use super::command::Audit;
use super::connection::Connection;
use super::failure::Failure;
use super::table::{Table, told_apart};
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
            entry.endpoint.as_ref().map_or_else(|| entry.object.clone(), |name| told_apart(name, &entry.object)),
            entry.detail.clone(),
            entry.ticket.clone(),
            entry.address.clone(),
        ]);
    }
    let older = page.next.map_or_else(String::new, |place| format!("Older ones: --before {place}\n"));
    format!("{}{older}", table.print("No entries.\n"))
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Timestamp;

    use super::*;
    use crate::access::audit::{AuditEntry, Moment};

    #[test]
    fn an_entry_says_which_endpoint_of_a_name_it_is_about() {
        let entry = |sequence, object: &str, endpoint: Option<&str>| AuditEntry {
            sequence,
            at: Moment(Timestamp(1_769_000_000_000)),
            who: "ops".into(),
            action: "endpoint.revoke".into(),
            object: object.into(),
            endpoint: endpoint.map(str::to_owned),
            ticket: String::new(),
            detail: String::new(),
            address: "::1".into(),
            hash: String::new(),
        };
        let one = entry(2, "01a2041c-401f-7197-ad64-4cff6801b2eb", Some("vm"));
        let page = AuditPage { entries: vec![one, entry(1, "duplicates", None)], next: None };
        insta::assert_snapshot!(print(&page), @r"
        NO.  WHEN                  WHO  DID              TO             DETAIL  FOR  FROM
        2    2026-01-21T12:53:20Z  ops  endpoint.revoke  vm (6801b2eb)               ::1
        1    2026-01-21T12:53:20Z  ops  endpoint.revoke  duplicates                  ::1
        ");
    }
}
