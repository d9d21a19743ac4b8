//! What differs between two moments.

use std::collections::BTreeMap;

use super::record::series_text;
use crate::document::Change;
use crate::vocabulary::{Series, Timestamp};

/// What a machine was at a moment: the value of every state, as text.
pub type State = BTreeMap<Series, String>;

/// What `after`, of the moment `at`, has other than `before`. That a state is in only one of them is a difference.
pub fn difference(before: &State, after: &State, at: Timestamp) -> Vec<Change> {
    let mut changes = Vec::new();
    for (series, from) in before {
        if after.get(series) != Some(from) {
            changes.push(change(series, Some(from), after.get(series), at));
        }
    }
    let new = after.iter().filter(|(series, _)| !before.contains_key(*series));
    changes.extend(new.map(|(series, to)| change(series, None, Some(to), at)));
    changes
}

fn change(series: &Series, from: Option<&String>, to: Option<&String>, at: Timestamp) -> Change {
    Change {
        reference: format!("{series}@{at}"),
        kind: series.signal.to_string(),
        at,
        from: from.cloned(),
        to: to.cloned(),
        score: None,
    }
}

/// Changes of one state after another, in order of time, as one: from what it was at first to what it is at last, at the
/// time of the last. What is as it was is no change.
pub fn net(changes: &[Change]) -> Vec<Change> {
    let mut folded: BTreeMap<&str, Change> = BTreeMap::new();
    for change in changes {
        let series = series_text(&change.reference);
        match folded.get_mut(series) {
            Some(first) => *first = Change { from: first.from.take(), ..change.clone() },
            None => {
                folded.insert(series, change.clone());
            }
        }
    }
    folded.into_values().filter(|change| change.from != change.to).collect()
}
