//! Which findings follow from which, along the edges of the catalogue.
//!
//! An edge speaks of checks; what explains and what is explained are instances. Where both checks are judged for each of
//! the same attribute, only the same instance explains: a full `/` says nothing about a full `/data`.

use crate::catalogue::{Edge, Overlap};
use crate::document::{Finding, FindingState, Role};
use crate::vocabulary::Timestamp;
use crate::window::Track;

use super::Detector;
use super::judge::{self, instance_name};

/// A finding that outlives its root by this long stands by itself again.
pub(super) const OUTLIVES_MS: i64 = 30 * 60_000;
/// Longer chains than this are cut; edges make no circles.
const CHAIN_MAX: usize = 32;

/// What can explain something now.
#[derive(Debug)]
pub(super) struct Roots<'a> {
    detector: &'a Detector,
    /// Edges whose condition holds, with the instances of the root.
    edges: Vec<(&'a Edge, Vec<Root<'a>>)>,
    now: Timestamp,
}

/// An instance of a root, and whether it stands or is only pending.
#[derive(Debug, Clone, Copy)]
struct Root<'a> {
    values: &'a [String],
    is_raised: bool,
    /// When it began, and when it ended.
    stood: (i64, i64),
}

/// What is told while a root begins or ends belongs to it.
const EDGE_MS: i64 = 60_000;

impl<'a> Roots<'a> {
    /// Marks a finding that follows from another one; gives the id and the instance of that other one.
    pub(super) fn mark(&self, finding: &mut Finding) -> Option<(String, String)> {
        let values = self.detector.values_of(finding)?;
        let (id, values) = self.top(&finding.id, values, finding.state == FindingState::Pending, CHAIN_MAX)?;
        finding.role = Role::Consequence;
        finding.consequence_of = Some(id.to_owned());
        Some((id.to_owned(), instance_name(values.iter().map(String::as_str))))
    }

    /// The top-most root that explains an instance of `id`. A root that is only pending explains only what is pending
    /// itself. Roots do not explain each other here, so any fixed choice among several is as good.
    fn top(&self, id: &str, values: &[String], pending: bool, chain: usize) -> Option<(&'a str, &'a [String])> {
        let chain = chain.checked_sub(1)?;
        let edges = self.edges.iter().filter(|(edge, _)| edge.consequences.iter().any(|consequence| consequence == id));
        let explaining = edges.flat_map(|(edge, roots)| {
            roots
                .iter()
                .filter(|root| (pending || root.is_raised) && self.is_same_instance(edge, root.values, id, values))
                .filter(|root| edge.overlap.as_ref().is_none_or(|overlap| self.overlaps(overlap, root, id, values)))
                .map(|root| (edge.root.as_str(), root.values))
        });
        explaining.map(|(root, of)| self.top(root, of, pending, chain).unwrap_or((root, of))).min()
    }

    /// Whether enough of what an instance is made of happened while the root stood.
    fn overlaps(&self, overlap: &Overlap, root: &Root, id: &str, values: &[String]) -> bool {
        let each = self.detector.catalogue.check(id).map_or(&[][..], |check| check.each.as_slice());
        let is_own = |track: &Track| {
            let attribute = |name: &String| track.series().attributes.get(name);
            each.iter().zip(values).all(|(name, value)| attribute(name).is_none_or(|own| own == value))
        };
        let (mut all, mut within) = (0.0, 0.0);
        let (from, to) = root.stood;
        for track in self.detector.store.members(overlap.source).filter(is_own) {
            for point in track.points(self.now.0 - overlap.span_ms, self.now.0) {
                all += point.value;
                if (from - EDGE_MS..=to + EDGE_MS).contains(&point.at) {
                    within += point.value;
                }
            }
        }
        all > 0.0 && f64::from(within) >= overlap.share * f64::from(all)
    }

    fn is_same_instance(&self, edge: &Edge, root_values: &[String], id: &str, values: &[String]) -> bool {
        if edge.any_instance {
            return true;
        }
        let each = |id: &str| self.detector.catalogue.check(id).map_or(&[][..], |check| check.each.as_slice());
        let (root_each, own_each) = (each(&edge.root), each(id));
        own_each.iter().zip(values).all(|(name, value)| {
            let position = root_each.iter().position(|other| other == name);
            position.is_none_or(|position| root_values.get(position) == Some(value))
        })
    }
}

impl Detector {
    /// What explains what now: edges whose root holds, or cleared less than `afterglow_ms` ago, and whose condition holds.
    pub(super) fn roots(&self, now: Timestamp, afterglow_ms: i64) -> Roots<'_> {
        let mut edges = Vec::new();
        for edge in &self.catalogue.edges {
            let roots = self.root_instances(&edge.root, now, afterglow_ms);
            let holds = || edge.when.as_ref().is_none_or(|(inputs, when)| judge::holds(self, inputs, when, now));
            if !roots.is_empty() && holds() {
                edges.push((edge, roots));
            }
        }
        Roots { detector: self, edges, now }
    }

    /// The values of `each` of the instance that a finding names.
    fn values_of(&self, finding: &Finding) -> Option<&[String]> {
        let index = self.catalogue.checks().iter().position(|check| check.id == finding.id)?;
        let mut names = self.board.names(index).iter().map(|name| &**name);
        names.find(|values| instance_name(values.iter().map(String::as_str)) == finding.instance)
    }

    /// The instances of a root that hold, or that cleared a moment ago.
    fn root_instances(&self, id: &str, now: Timestamp, afterglow_ms: i64) -> Vec<Root<'_>> {
        let index = self.catalogue.checks().iter().position(|check| check.id == id);
        let instances = index.into_iter().flat_map(|index| self.board.standings(index));
        instances
            .filter_map(|(values, standing)| {
                let lingers = standing.cleared_at.is_some_and(|cleared| now.0 - cleared < afterglow_ms);
                let is_raised = standing.is_raised() || lingers;
                let stood =
                    (standing.began().or(standing.onset).unwrap_or(now.0), standing.cleared_at.unwrap_or(now.0));
                (is_raised || standing.holds()).then_some(Root { values, is_raised, stood })
            })
            .collect()
    }
}
