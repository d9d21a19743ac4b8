use super::super::expression::{Across, Join, Rank};
use super::{Cell, Found, Scope};
use crate::order::Arrange as _;

impl<'a> Scope<'a> {
    pub(super) fn across(&self, across: &Across) -> Found {
        let found: Vec<Found> =
            self.instances(across.over).iter().map(|binding| self.bound(binding).find(&across.body)).collect();
        let at = found.iter().filter_map(|found| found.at).max();
        let unknown = found.iter().find_map(|found| match &found.cell {
            Cell::Unknown(reason) => Some(reason.clone()),
            _ => None,
        });
        if found.iter().all(|found| found.cell.is_unknown()) {
            return Found { cell: Cell::Unknown(unknown.unwrap_or_else(|| self.no_data(across.over))), at };
        }
        let numbers = || found.iter().filter_map(|found| found.cell.as_number());
        let known = numbers().count() as f64;
        let flag = |decides: bool| {
            let decided = numbers().any(|value| (value != 0.0) == decides);
            match unknown.clone() {
                _ if decided => Cell::Flag(decides),
                Some(reason) => Cell::Unknown(reason),
                None => Cell::Flag(!decides),
            }
        };
        let cell = match across.join {
            Join::Any => flag(true),
            Join::All => flag(false),
            Join::Count => Cell::Number(numbers().filter(|value| *value != 0.0).count() as f64),
            Join::Sum => Cell::number(numbers().sum()),
            Join::Max => Cell::number(numbers().fold(f64::NEG_INFINITY, f64::max)),
            Join::Min => Cell::number(numbers().fold(f64::INFINITY, f64::min)),
            Join::Mean => Cell::number(numbers().sum::<f64>() / known),
        };
        Found { cell, at }
    }

    /// The binding of each series that an aggregate walks. Those that are gone are skipped.
    fn instances(&self, over: usize) -> Vec<Vec<(&'a str, &'a str)>> {
        let mut instances: Vec<Vec<(&str, &str)>> = self
            .tracks(over)
            .filter(|track| self.row.is_some() || !self.is_gone(over, *track))
            .map(|track| self.bound_by(over, track.series()))
            .collect();
        instances.dedup();
        instances
    }

    fn bound<'b>(&'b self, binding: &'b [(&'b str, &'b str)]) -> Scope<'b> {
        Scope { binding, ..self.clone() }
    }

    pub(super) fn rank(&self, rank: &Rank) -> Found {
        let mut ranked: Vec<(f64, String, Option<i64>)> = self
            .tracks(rank.over)
            .filter(|track| !self.is_gone(rank.over, *track))
            .filter_map(|track| {
                let name = track.series().attributes.get(&rank.attribute)?.to_owned();
                let binding = self.bound_by(rank.over, track.series());
                let found = self.bound(&binding).find(&rank.body);
                Some((found.at_least()?, name, found.at))
            })
            .collect();
        ranked.arrange_by(|one, two| two.0.total_cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
        ranked.truncate(rank.count);
        if ranked.is_empty() {
            return Found::unknown(self.no_data(rank.over));
        }
        let at = ranked.iter().filter_map(|(_, _, at)| *at).max();
        let words = ranked.into_iter().map(|(value, name, _)| match &rank.unit {
            Some(unit) => format!("{name} {}", crate::texts::human(value, unit)),
            None => name,
        });
        Found { cell: Cell::Text(words.collect::<Vec<_>>().join(", ")), at }
    }
}
