//! What the hosts with a finding have in common.
//!
//! For every finding and every value of every attribute the affected among those who share it are held against the others
//! (Fisher's exact test, one-sided), and all tests of a round are told apart from chance together (Benjamini and Hochberg).
//! What is left must be many enough, often enough, and oftener than elsewhere; an outage must have begun for most at about
//! the same time, a defect for nearly all after they had obtained it. Of several explanations of the same hosts one is
//! chosen: one that has nothing left to say when the other is given goes; of those that remain the narrowest that keeps
//! four fifths of the affected. Two that nobody can tell apart are named together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::benjamini;
use super::eligible::{Fact, Host, eligible};
use super::fisher;
use super::thresholds::{Cause, Thresholds};
use crate::vocabulary::Timestamp;

/// A finding, and the hosts of which it can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The check's id.
    pub finding: String,
    /// Those of which it can be told.
    pub judged: Vec<Judged>,
}

/// A host that is affected, or well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Its place among the hosts.
    pub host: usize,
    /// When it began there; absent when it is well.
    pub onset: Option<Timestamp>,
}

/// What hosts with a finding have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The check's id.
    pub finding: String,
    /// What they have in common, and whatever else the very same hosts have.
    pub shared: Vec<Shared>,
    /// Places of the affected hosts that share it, in order.
    pub affected: Vec<usize>,
    /// How many, and how sure.
    pub numbers: Numbers,
    /// When it began for the first of them.
    pub onset: Timestamp,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared {
    /// The attribute's place among those of the thresholds.
    pub attribute: usize,
    /// The value.
    pub value: String,
}

/// The numbers behind what is said of many endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// Affected of those who share the cause.
    pub affected: usize,
    /// Those who share it.
    pub sharing: usize,
    /// Affected of all.
    pub all_affected: usize,
    /// All of which it can be told.
    pub all: usize,
    /// The chance of so many if it had nothing to do with it.
    pub p: f64,
    /// The same among all that was tested.
    pub q: f64,
    /// How much oftener than elsewhere.
    pub lift: f64,
    /// The share of the affected elsewhere.
    pub baseline: f64,
}

/// What a round found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// Explanations, the surest of each finding first.
    pub explanations: Vec<Explanation>,
    /// Findings of which too few hosts can be told, with the number of affected: nothing was tested.
    pub hints: Vec<(String, usize)>,
}

/// Explains every question.
pub fn explain(hosts: &[Host], questions: &[Question], thresholds: &Thresholds) -> Round {
    let counted = eligible(hosts);
    let mut round = Round::default();
    let mut tested: Vec<(Rows<'_>, Vec<Candidate>)> = Vec::new();
    for question in questions {
        let rows = Rows::new(hosts, question, &counted, thresholds);
        let affected = rows.affected();
        if rows.hosts.len() < thresholds.common_cause.eligible_least {
            if affected > 1 {
                round.hints.push((question.finding.clone(), affected));
            }
            continue;
        }
        let candidates = rows.candidates();
        tested.push((rows, candidates));
    }
    let p: Vec<f64> = tested.iter().flat_map(|(_, candidates)| candidates.iter().map(|one| one.p)).collect();
    let mut q = benjamini::adjusted(&p).into_iter();
    for (rows, mut candidates) in tested {
        for candidate in &mut candidates {
            candidate.q = q.next().unwrap_or(1.0);
        }
        candidates.retain(|candidate| rows.stands(candidate));
        candidates.sort_by(Candidate::surest);
        round.explanations.extend(rows.chosen(candidates));
    }
    round
}

/// The hosts of which one finding can be told.
struct Rows<'a> {
    finding: &'a str,
    least: f64,
    thresholds: &'a Thresholds,
    hosts: Vec<&'a Host>,
    places: Vec<usize>,
    onsets: Vec<Option<Timestamp>>,
    weights: Vec<f64>,
}

/// Something that hosts share, and the rows of those.
#[derive(Clone)]
struct Candidate {
    shared: Shared,
    rows: Vec<bool>,
    count: Count,
    p: f64,
    q: f64,
}

/// Hosts and affected hosts, by weight.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count {
    hosts: f64,
    affected: f64,
}

impl Count {
    fn rate(self) -> f64 {
        if self.hosts > 0.0 { self.affected / self.hosts } else { 0.0 }
    }

    /// The rate of those in `all` that are not in this, never quite zero.
    fn elsewhere(self, all: Self) -> f64 {
        (all.affected - self.affected + 0.5) / (all.hosts - self.hosts + 1.0)
    }

    /// The chance of so many affected among these, when `all` are as they are.
    fn chance(self, all: Self) -> f64 {
        let whole = |number: f64| number.floor() as u64;
        fisher::tail(whole(self.affected), whole(self.hosts), whole(all.affected), whole(all.hosts))
    }
}

impl Candidate {
    fn surest(&self, other: &Self) -> std::cmp::Ordering {
        let narrower = || self.count.hosts.total_cmp(&other.count.hosts);
        self.p.total_cmp(&other.p).then_with(narrower).then_with(|| other.shared.cmp(&self.shared))
    }
}

impl<'a> Rows<'a> {
    fn new(hosts: &'a [Host], question: &'a Question, counted: &[usize], thresholds: &'a Thresholds) -> Self {
        let common = &thresholds.common_cause;
        let judged = question.judged.iter().filter(|one| counted.binary_search(&one.host).is_ok());
        let judged: Vec<&Judged> = judged.collect();
        let weigh = |host: &Host| if host.is_test { common.test_weight } else { 1.0 };
        Self {
            finding: &question.finding,
            least: if thresholds.is_hard(&question.finding) { common.hard_least } else { common.soft_least },
            thresholds,
            hosts: judged.iter().map(|one| &hosts[one.host]).collect(),
            places: judged.iter().map(|one| one.host).collect(),
            onsets: judged.iter().map(|one| one.onset).collect(),
            weights: judged.iter().map(|one| weigh(&hosts[one.host])).collect(),
        }
    }

    fn affected(&self) -> usize {
        self.onsets.iter().flatten().count()
    }

    /// What is counted of the rows that `is_in` names.
    fn count(&self, is_in: impl Fn(usize) -> bool) -> Count {
        let mut count = Count::default();
        for row in (0..self.hosts.len()).filter(|row| is_in(*row)) {
            count.hosts += self.weights[row];
            if self.onsets[row].is_some() {
                count.affected += self.weights[row];
            }
        }
        count
    }

    /// Everything that enough affected hosts share, and that not nearly all hosts have.
    fn candidates(&self) -> Vec<Candidate> {
        let all = self.count(|_| true);
        let mut sharing: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for (row, host) in self.hosts.iter().enumerate() {
            for fact in &host.facts {
                let rows = sharing.entry((fact.attribute, &fact.value)).or_default();
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
            }
        }
        let candidate = |((attribute, value), sharing): ((usize, &str), Vec<usize>)| {
            let mut rows = vec![false; self.hosts.len()];
            for row in sharing {
                rows[row] = true;
            }
            let count = self.count(|row| rows[row]);
            let is_tested =
                count.affected >= self.least && count.hosts <= self.thresholds.common_cause.most_of_fleet * all.hosts;
            let shared = Shared { attribute, value: value.to_owned() };
            is_tested.then(|| Candidate { shared, count, p: count.chance(all), q: 1.0, rows })
        };
        sharing.into_iter().filter_map(candidate).collect()
    }

    /// Whether it is sure, often and coherent enough.
    fn stands(&self, candidate: &Candidate) -> bool {
        let coherent = match self.cause(&candidate.shared) {
            Cause::Outage => self.is_at_once(candidate),
            Cause::Defect => self.is_after(candidate),
        };
        coherent
            && candidate.q <= self.thresholds.common_cause.q
            && self.is_often(candidate, candidate.count, self.count(|_| true))
    }

    /// Whether enough of those who share it are affected, and oftener than the others of `all`.
    fn is_often(&self, candidate: &Candidate, count: Count, all: Count) -> bool {
        let common = &self.thresholds.common_cause;
        let rate = match self.cause(&candidate.shared) {
            Cause::Outage => common.outage_rate,
            Cause::Defect => common.defect_rate,
        };
        count.affected >= self.least && count.rate() >= rate && count.rate() / count.elsewhere(all) >= common.lift
    }

    fn cause(&self, shared: &Shared) -> Cause {
        self.thresholds.attributes.get(shared.attribute).map_or(Cause::Outage, |attribute| attribute.cause)
    }

    fn onsets_of<'s>(&'s self, candidate: &'s Candidate) -> impl Iterator<Item = (usize, Timestamp)> + 's {
        let rows = self.onsets.iter().enumerate().filter(|(row, _)| candidate.rows[*row]);
        rows.filter_map(|(row, onset)| Some((row, (*onset)?)))
    }

    /// Whether it began for most of them at about the same time.
    fn is_at_once(&self, candidate: &Candidate) -> bool {
        let common = &self.thresholds.common_cause;
        let span = Duration::from_secs(u64::from(common.coherent_minutes) * 60);
        let mut onsets: Vec<Timestamp> = self.onsets_of(candidate).map(|(_, onset)| onset).collect();
        onsets.sort_unstable();
        let within =
            |first: usize| onsets[first..].iter().take_while(|onset| onset.since(onsets[first]) <= span).count();
        let most = (0..onsets.len()).map(within).max().unwrap_or_default();
        most as f64 >= common.coherent_share * onsets.len() as f64
    }

    /// Whether it began for nearly all of them after they had obtained it, as far as that is known.
    fn is_after(&self, candidate: &Candidate) -> bool {
        let Shared { attribute, value } = &candidate.shared;
        let is_it = |fact: &&Fact| fact.attribute == *attribute && fact.value == *value;
        let obtained = |row: usize| self.hosts[row].facts.iter().find(is_it).and_then(|fact| fact.since);
        let (mut after, mut all) = (0_usize, 0_usize);
        for (row, onset) in self.onsets_of(candidate) {
            all += 1;
            after += usize::from(obtained(row).is_none_or(|since| since <= onset));
        }
        after as f64 >= self.thresholds.common_cause.after_share * all as f64
    }

    /// What is left of an association among the rows that are and among those that are not in `given`: the surer of both.
    fn given(&self, candidate: &Candidate, given: &[bool]) -> f64 {
        let within = |wanted: bool| {
            let all = self.count(|row| given[row] == wanted);
            self.count(|row| given[row] == wanted && candidate.rows[row]).chance(all)
        };
        within(true).min(within(false))
    }

    /// The explanations among the candidates, the surest first. Hosts are explained once.
    fn chosen(&self, mut candidates: Vec<Candidate>) -> Vec<Explanation> {
        let mut explained = vec![false; self.hosts.len()];
        let mut told = Vec::new();
        while !candidates.is_empty() {
            let best = self.best(&candidates);
            let (same, others): (Vec<_>, Vec<_>) =
                candidates.into_iter().partition(|candidate| candidate.rows == best.rows);
            told.push(self.explanation(&best, same, &explained));
            for (is_explained, is_of_it) in explained.iter_mut().zip(&best.rows) {
                *is_explained |= is_of_it;
            }
            candidates = others.into_iter().filter(|candidate| self.remains(candidate, &explained)).collect();
        }
        told
    }

    /// The candidate that explains the hosts of the surest best.
    fn best(&self, candidates: &[Candidate]) -> Candidate {
        let common = &self.thresholds.common_cause;
        let mut best = candidates[0].clone();
        for rival in &candidates[1..] {
            let kept = self.count(|row| rival.rows[row] && best.rows[row]).affected;
            if kept == 0.0 || rival.rows == best.rows {
                continue;
            }
            let is_gone = |one: &Candidate, given: &Candidate| self.given(one, &given.rows) > common.vanished_p;
            let (rival_gone, best_gone) = (is_gone(rival, &best), is_gone(&best, rival));
            let narrower = rival.count.hosts < best.count.hosts && kept >= common.keeps * best.count.affected;
            if (best_gone && !rival_gone) || (rival_gone == best_gone && narrower) {
                best = rival.clone();
            }
        }
        best
    }

    /// Whether there is still something to explain by it, when those that are explained are left out.
    fn remains(&self, candidate: &Candidate, explained: &[bool]) -> bool {
        let all = self.count(|row| !explained[row]);
        let left = self.count(|row| !explained[row] && candidate.rows[row]);
        left.chance(all) <= self.thresholds.common_cause.q && self.is_often(candidate, left, all)
    }

    fn explanation(&self, best: &Candidate, same: Vec<Candidate>, explained: &[bool]) -> Explanation {
        let all = self.count(|_| true);
        let mut shared: Vec<Shared> = same.into_iter().map(|candidate| candidate.shared).collect();
        shared.sort_by_key(|shared| std::cmp::Reverse(shared.attribute));
        let affected: Vec<(usize, Timestamp)> = self.onsets_of(best).filter(|(row, _)| !explained[*row]).collect();
        let elsewhere = (all.hosts - best.count.hosts).max(1.0);
        Explanation {
            finding: self.finding.to_owned(),
            shared,
            affected: affected.iter().map(|(row, _)| self.places[*row]).collect(),
            numbers: Numbers {
                affected: affected.len(),
                sharing: best.rows.iter().filter(|row| **row).count(),
                all_affected: self.affected(),
                all: self.hosts.len(),
                p: best.p,
                q: best.q,
                lift: best.count.rate() / best.count.elsewhere(all),
                baseline: (all.affected - best.count.affected) / elsewhere,
            },
            onset: affected.iter().map(|(_, onset)| *onset).min().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
