//! What was counted, for people to judge.

use firstline_diagnosis::catalogue::{Catalogue, Symptom};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use super::{COUNTED, Counted, Symptoms};
use crate::detect::orders::{LEAST_TICKETS, SymptomCounts};

/// How likely the candidates of symptoms are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymptomList {
    /// Version of the catalogue.
    pub catalogue: String,
    /// When closed tickets were counted last; absent when they never were.
    pub estimated_at: Option<Timestamp>,
    /// Tickets that were opened since then were counted.
    pub since: Option<Timestamp>,
    /// Closed tickets that a symptom needs for its order to follow from them.
    pub least_tickets: u64,
    /// The symptoms, in the order of the catalogue.
    pub symptoms: Vec<SymptomLine>,
}

/// A symptom and its candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymptomLine {
    /// Its id.
    pub id: String,
    /// As a technician would say it.
    pub label: String,
    /// Closed tickets that named it.
    pub tickets: u64,
    /// Those of them on which a finding was confirmed that is none of the candidates.
    pub elsewhere: u64,
    /// Whether the order of closed tickets is in force, or why not.
    pub standing: Standing,
    /// The candidates, in the order in force.
    pub candidates: Vec<Candidate>,
}

/// Whether the order of closed tickets is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    InForce,
    /// Too few tickets were closed.
    TooFewTickets,
    /// The administrator wants the order of the catalogue.
    SwitchedOff,
    /// Nobody has counted yet.
    NotCounted,
}

/// A candidate of a symptom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The check.
    pub check: String,
    /// Its title.
    pub title: String,
    /// Closed tickets on which it was confirmed.
    pub confirmed: u64,
    /// How likely it is: (confirmed + 1) / (closed tickets + candidates).
    pub p: f64,
    /// Its place in the catalogue, from 1.
    pub prior: usize,
    /// Its place now.
    pub place: usize,
}

impl SymptomLine {
    /// Where the order of its candidates comes from, where a symptom needs `least` tickets to have one of its own.
    pub fn order(&self, least: u64) -> String {
        match self.standing {
            Standing::InForce => "the order they show is in force".to_owned(),
            Standing::TooFewTickets => format!("order of the catalogue, since it takes {least} to go by"),
            Standing::SwitchedOff => "order of the catalogue, since diagnosis.reorder_symptoms is false".to_owned(),
            Standing::NotCounted => "order of the catalogue".to_owned(),
        }
    }
}

impl Symptoms {
    /// What was counted for all symptoms.
    pub fn all(&self) -> SymptomList {
        let prior = self.catalogues.prior();
        self.lines(&prior, prior.symptoms())
    }

    /// What was counted for the symptom that `text` means: an id, a label, or words of a ticket. None when it means none.
    pub fn of(&self, text: &str) -> Option<SymptomList> {
        let prior = self.catalogues.prior();
        Some(self.lines(&prior, std::slice::from_ref(prior.symptom(text)?)))
    }

    fn lines(&self, prior: &Catalogue, symptoms: &[Symptom]) -> SymptomList {
        let counted = self.counted.load();
        SymptomList {
            catalogue: self.catalogues.current().version().to_owned(),
            estimated_at: counted.at,
            since: counted.at.map(|at| at - COUNTED),
            least_tickets: LEAST_TICKETS,
            symptoms: symptoms.iter().map(|symptom| self.line(prior, symptom, &counted)).collect(),
        }
    }

    fn line(&self, prior: &Catalogue, symptom: &Symptom, counted: &Counted) -> SymptomLine {
        let none = SymptomCounts::default();
        let counts = counted.counts.get(&symptom.id).unwrap_or(&none);
        let standing = self.standing(counted, counts);
        let mut likelihoods = counts.likelihoods(&symptom.candidates);
        if standing != Standing::InForce {
            likelihoods.sort_by_key(|one| one.prior);
        }
        let title = |check: &str| prior.check(check).map_or_else(|| check.to_owned(), |check| check.title.clone());
        let candidates = likelihoods.into_iter().enumerate().map(|(index, one)| Candidate {
            title: title(&one.check),
            check: one.check,
            confirmed: one.confirmed,
            p: one.p,
            prior: one.prior,
            place: index + 1,
        });
        SymptomLine {
            id: symptom.id.clone(),
            label: symptom.label.clone(),
            tickets: counts.tickets,
            elsewhere: counts.elsewhere(&symptom.candidates),
            standing,
            candidates: candidates.collect(),
        }
    }

    fn standing(&self, counted: &Counted, counts: &SymptomCounts) -> Standing {
        if !self.config.diagnosis.reorder_symptoms {
            Standing::SwitchedOff
        } else if counted.at.is_none() {
            Standing::NotCounted
        } else if !counts.suffice() {
            Standing::TooFewTickets
        } else {
            Standing::InForce
        }
    }
}
