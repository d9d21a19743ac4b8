//! The candidates of symptoms in another order than the files say: what closed tickets showed.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Catalogue, Symptom, letters};

/// Why an order cannot be a catalogue's. Nothing of it takes force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// The catalogue has no such symptom.
    #[error("the catalogue has no symptom {0}")]
    Symptom(String),
    /// The symptom has no such candidate.
    #[error("{check} is no candidate of the symptom {symptom}")]
    Candidate {
        /// The symptom.
        symptom: String,
        /// What was named.
        check: String,
    },
}

impl Catalogue {
    /// This catalogue with the candidates of some symptoms (by id) in another order, the likeliest first. Candidates that an order
    /// leaves out come after those that it names, as they stood. Where that changes anything the version is another one, which
    /// says by which order an answer was ranked.
    ///
    /// # Errors
    /// When a symptom or a candidate is none of this catalogue.
    pub fn with_symptom_orders(&self, orders: &BTreeMap<String, Vec<String>>) -> Result<Self, OrderError> {
        let mut symptoms = self.symptoms.clone();
        let mut hash = Sha256::new();
        let mut differs = false;
        for (id, first) in orders {
            let symptom = symptoms.iter_mut().find(|one| one.id == *id);
            let symptom = symptom.ok_or_else(|| OrderError::Symptom(id.clone()))?;
            let candidates = ordered(symptom, first)?;
            if candidates == symptom.candidates {
                continue;
            }
            differs = true;
            for part in std::iter::once(id).chain(&candidates) {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            symptom.candidates = candidates;
        }
        let version = if differs { format!("{}.{}", self.version, letters(hash)) } else { self.version.clone() };
        Ok(Self { version, symptoms, ..self.clone() })
    }
}

/// The candidates of a symptom: `first`, then the others.
fn ordered(symptom: &Symptom, first: &[String]) -> Result<Vec<String>, OrderError> {
    if let Some(check) = first.iter().find(|id| !symptom.candidates.contains(id)) {
        return Err(OrderError::Candidate { symptom: symptom.id.clone(), check: check.clone() });
    }
    let mut all: Vec<String> = Vec::new();
    for id in first.iter().chain(&symptom.candidates) {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(symptom: &str, first: &[&str]) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([(symptom.to_owned(), first.iter().map(|id| (*id).to_owned()).collect())])
    }

    fn candidates(catalogue: &Catalogue) -> Vec<String> {
        catalogue.symptom("disk-full").expect("a symptom").candidates.clone()
    }

    #[test]
    fn an_order_puts_candidates_first_and_keeps_the_others() {
        let builtin = Catalogue::builtin();
        let prior = candidates(&builtin);
        let last = prior.last().expect("candidates").clone();
        let ours = builtin.with_symptom_orders(&order("disk-full", &[&last])).expect("an order");
        let mut wanted = prior.clone();
        wanted.rotate_right(1);
        assert_eq!(candidates(&ours), wanted);
        assert_eq!(ours.symptoms().len(), builtin.symptoms().len());
        assert_eq!(candidates(&builtin), prior, "what was handed out stays as it is");
    }

    #[test]
    fn the_version_says_by_which_order_an_answer_was_ranked() {
        let builtin = Catalogue::builtin();
        let prior = candidates(&builtin);
        let [first, second, third] = [&prior[0], &prior[1], &prior[2]].map(String::as_str);
        let version = |first: &[&str]| {
            let ours = builtin.with_symptom_orders(&order("disk-full", first)).expect("an order");
            ours.version().to_owned()
        };
        assert_eq!(version(&[first]), builtin.version(), "the same order gives the same answers");
        let other = version(&[second]);
        assert!(other.starts_with(&format!("{}.", builtin.version())), "{other}");
        assert_eq!(version(&[second, first]), other, "said at more length");
        assert_ne!(version(&[third]), other);
    }

    #[test]
    fn what_is_no_candidate_is_refused() {
        let refused = |symptom: &str, id: &str| {
            let error = Catalogue::builtin().with_symptom_orders(&order(symptom, &[id])).expect_err("refused");
            error.to_string()
        };
        assert_eq!(refused("disk-full", "wifi-dropping"), "wifi-dropping is no candidate of the symptom disk-full");
        assert_eq!(refused("disk-fill", "disk-space-low"), "the catalogue has no symptom disk-fill");
    }
}
