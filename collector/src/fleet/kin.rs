//! Which endpoints have to do with each other, and how that came: told on both of them, since either may be the one that
//! somebody looks at.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Endpoint, Kinship, Related};
use firstline_diagnosis::vocabulary::Timestamp;

use super::evidence::{Verdict, compare};
use super::{Fleet, FleetError};
use crate::store::sql;

/// Copies that are told of, the newest first.
const COPIES_MAX: i64 = 20;

/// A copy and what it is a copy of, by name and by what each said of its hardware when it was enrolled.
type Pair = (String, String, String, i64, String, String, String);

impl Fleet {
    /// The endpoint with everything that it has to do with, and why.
    ///
    /// # Errors
    /// The database's.
    pub async fn with_kin(&self, mut endpoint: Endpoint) -> Result<Endpoint, FleetError> {
        let pairs: Vec<Pair> = sql::query_as(
            "SELECT copy.id, copy.name, copy.hardware, copy.enrolled_at_ms, origin.id, origin.name, origin.hardware
             FROM endpoints copy JOIN endpoints origin ON origin.id = copy.forked_from
             WHERE copy.id = $1 OR copy.forked_from = $1 ORDER BY copy.key DESC LIMIT $2",
        )
        .bind(&endpoint.id)
        .bind(COPIES_MAX)
        .fetch_all(self.shared.store.reads())
        .await?;
        endpoint.related.retain(|one| one.kind != Kinship::CloneOf);
        let (own, copies): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|pair| pair.0 == endpoint.id);
        endpoint.related.splice(0..0, own.iter().chain(&copies).map(|pair| told_to(&endpoint.id, pair)));
        Ok(endpoint)
    }
}

/// What is told of a pair to one of the two.
fn told_to(id: &str, (copy, copy_name, copy_says, at_ms, origin, origin_name, origin_says): &Pair) -> Related {
    let says = |text: &str| -> BTreeMap<String, String> { serde_json::from_str(text).unwrap_or_default() };
    let is_copy = copy == id;
    let why = match (compare(&says(copy_says), &says(origin_says)), is_copy) {
        (Verdict::Different, _) => "the firmware of the two machines has different identifiers",
        (_, true) => {
            "both were connected at the same time, their firmware does not tell them apart, and this one came later"
        }
        (_, false) => {
            "both were connected at the same time, their firmware does not tell them apart, and that one came later"
        }
    };
    let (kind, id, name) =
        if is_copy { (Kinship::CloneOf, origin, origin_name) } else { (Kinship::ClonedAs, copy, copy_name) };
    Related { kind, id: id.clone(), name: name.clone(), at: Some(Timestamp(*at_ms)), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(copy_says: &str, origin_says: &str) -> Pair {
        let text = str::to_owned;
        (text("c"), text("desk-2"), text(copy_says), 5, text("o"), text("desk-1"), text(origin_says))
    }

    #[test]
    fn both_are_told_of_the_other_and_why() {
        let unlike = pair(r#"{"serial":"a"}"#, r#"{"serial":"b"}"#);
        let (copy, origin) = (told_to("c", &unlike), told_to("o", &unlike));
        assert_eq!((copy.kind, copy.id.as_str()), (Kinship::CloneOf, "o"));
        assert_eq!((origin.kind, origin.id.as_str()), (Kinship::ClonedAs, "c"));
        assert_eq!(
            origin.words(),
            "desk-2 runs on a copy of this machine's disk. The collector told them apart at 1970-01-01T00:00:00.005Z: the \
             firmware of the two machines has different identifiers."
        );
        let alike = pair(r#"{"serial":"a"}"#, r#"{"serial":"a"}"#);
        assert!(told_to("c", &alike).why.ends_with("this one came later"));
        assert!(told_to("o", &alike).why.ends_with("that one came later"));
        assert_eq!(told_to("c", &pair("", "")).why, told_to("c", &alike).why, "what says nothing tells nobody apart");
    }
}
