//! Up to where new tickets were seen, at desks that only tell when a ticket was made.
//!
//! Several tickets are made in one moment, and not all of them need be there when that moment is first looked at. So the mark
//! holds the newest moment and the tickets that were seen of it, and the moment is asked for again.

use std::collections::BTreeSet;
use std::fmt;

use firstline_diagnosis::vocabulary::Timestamp;
use serde_json::Value;

/// The newest moment, and its tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Since {
    /// The moment.
    pub(super) at: Timestamp,
    seen: BTreeSet<String>,
}

impl Since {
    /// What a mark says; none when it is no such mark.
    pub(super) fn read(mark: &str) -> Option<Self> {
        let mut words = mark.split_ascii_whitespace();
        let at = words.next()?.parse().ok()?;
        Some(Self { at, seen: words.map(str::to_owned).collect() })
    }

    /// What is new among `rows`, oldest first, and up to where was seen then. `made` tells when a row was made and its id.
    pub(super) fn news(
        mut self,
        rows: Vec<Value>,
        made: impl Fn(&Value) -> Option<(Timestamp, String)>,
    ) -> (Vec<Value>, Self) {
        let known = self.clone();
        let mut news: Vec<((Timestamp, String), Value)> =
            rows.into_iter().filter_map(|row| Some((made(&row)?, row))).collect();
        news.retain(|((at, id), _)| *at > known.at || (*at == known.at && !known.seen.contains(id)));
        news.sort_by(|(one, _), (next, _)| one.cmp(next));
        for ((at, id), _) in &news {
            if *at > self.at {
                self = Self { at: *at, seen: BTreeSet::new() };
            }
            self.seen.insert(id.clone());
        }
        (news.into_iter().map(|(_, row)| row).collect(), self)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        self.seen.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(all: &[(i64, &str)]) -> Vec<Value> {
        all.iter().map(|(at, id)| json!({ "at": at, "id": id })).collect()
    }

    fn look(mark: &str, all: &[(i64, &str)]) -> (Vec<String>, String) {
        let made =
            |row: &Value| Some((Timestamp::from_unix_seconds(row["at"].as_i64()?), row["id"].as_str()?.to_owned()));
        let (news, since) = Since::read(mark).expect("a mark").news(rows(all), made);
        (news.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect(), since.to_string())
    }

    #[test]
    fn a_ticket_that_is_made_in_a_moment_that_was_looked_at_is_not_missed() {
        let (news, mark) = look("1970-01-01T00:00:00Z", &[(20, "b"), (10, "a")]);
        assert_eq!((news, mark.as_str()), (vec!["a".to_owned(), "b".to_owned()], "1970-01-01T00:00:20Z b"));
        let (news, mark) = look(&mark, &[(20, "b"), (20, "c"), (10, "a")]);
        assert_eq!((news, mark.as_str()), (vec!["c".to_owned()], "1970-01-01T00:00:20Z b c"));
        assert_eq!(look(&mark, &[(20, "b"), (20, "c")]), (Vec::new(), mark));
        assert_eq!(Since::read("17"), None);
    }
}
