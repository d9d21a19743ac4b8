//! Lists that come in pages.

use std::future::Future;

use serde_json::Value;

use super::trouble::Trouble;
use super::values::id;

/// Rows of a page; no desk gives more.
pub(super) const PAGE: usize = 100;
/// Most pages of a list that is read whole.
const PAGES: usize = 50;
/// Most pages that are looked through for new tickets.
const PAGES_OF_NEWS: usize = 5;

/// The rows of a document that holds them under `name`; without a name it is a list itself.
pub(super) fn rows(mut document: Value, name: &str) -> Result<Vec<Value>, Trouble> {
    let pointer = if name.is_empty() { String::new() } else { format!("/{name}") };
    match document.pointer_mut(&pointer).map(Value::take) {
        Some(Value::Array(rows)) => Ok(rows),
        _ => Err(Trouble::odd(format!("a list without {}", if name.is_empty() { "rows" } else { name }))),
    }
}

/// All rows of a list, whose pages are counted from 1.
pub(super) async fn all<F>(page: impl Fn(usize) -> F) -> Result<Vec<Value>, Trouble>
where
    F: Future<Output = Result<Vec<Value>, Trouble>>,
{
    let mut all = Vec::new();
    for number in 1..=PAGES {
        let rows = page(number).await?;
        let more = rows.len() >= PAGE;
        all.extend(rows);
        if !more {
            break;
        }
    }
    Ok(all)
}

/// The tickets after the one called `mark`, oldest first, and the mark for the next time; without a mark only that. The
/// list comes newest first, by an `id` that counts up. What came in more than the pages hold is left alone.
pub(super) async fn newer<F>(mark: Option<&str>, page: impl Fn(usize) -> F) -> Result<(Vec<Value>, String), Trouble>
where
    F: Future<Output = Result<Vec<Value>, Trouble>>,
{
    let mark: Option<u64> = mark.and_then(|mark| mark.parse().ok());
    let (mut found, mut newest) = (Vec::new(), mark.unwrap_or(0));
    for number in 1..=PAGES_OF_NEWS {
        let rows = page(number).await?;
        let ids: Vec<u64> = rows.iter().filter_map(count).collect();
        let full = rows.len() >= PAGE;
        if full && ids.first() < ids.last() {
            return Err(Trouble::odd("tickets come oldest first, although the newest were asked for"));
        }
        newest = ids.iter().copied().fold(newest, u64::max);
        let Some(mark) = mark else { break };
        found.extend(rows.into_iter().filter(|row| count(row) > Some(mark)));
        if !full || ids.last().is_none_or(|oldest| *oldest <= mark) {
            break;
        }
    }
    found.sort_by_key(count);
    // What comes in between two pages moves a ticket onto the next.
    found.dedup_by_key(|row| count(row));
    Ok((found, newest.to_string()))
}

fn count(row: &Value) -> Option<u64> {
    id(&row["id"])?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use serde_json::json;

    use super::*;

    /// Tickets up to `newest`, newest first, where one more comes in before each page after the first.
    fn busy(newest: usize, page: usize) -> Ready<Result<Vec<Value>, Trouble>> {
        let newest = newest + page - 1;
        let ids = (1..=newest).rev().skip((page - 1) * PAGE).take(PAGE);
        ready(Ok(ids.map(|id| json!({ "id": id })).collect()))
    }

    #[tokio::test]
    async fn tickets_that_move_to_the_next_page_come_once_and_none_is_missed() {
        assert_eq!(newer(None, |page| busy(250, page)).await.expect("a mark"), (Vec::new(), "250".to_owned()));
        let (news, mark) = newer(Some("20"), |page| busy(250, page)).await.expect("news");
        let ids: Vec<u64> = news.iter().filter_map(count).collect();
        assert_eq!(ids, (21..=250).collect::<Vec<u64>>());
        assert_eq!(mark, "250", "what came in meanwhile comes the next time");
    }

    #[tokio::test]
    async fn a_list_in_another_order_is_no_news() {
        let page = |_| async { Ok((1..=PAGE).map(|id| json!({ "id": id })).collect()) };
        assert!(newer(Some("20"), page).await.is_err());
        assert!(rows(json!({ "error": "x" }), "tickets").is_err());
        assert_eq!(rows(json!([1]), "").expect("rows"), [json!(1)]);
    }
}
