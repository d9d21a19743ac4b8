//! Small pictures of series, as SVG that stands in a page.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Finding, Snapshot, SnapshotSeries};
use firstline_diagnosis::texts::{moment, quantity};

use crate::ticket::rich_text::escape;

/// Most pictures beside a finding.
const PICTURES: usize = 4;

/// Width and height of the drawing, in its own units.
const SIZE: (f64, f64) = (280.0, 48.0);

/// Points of a line; a day at 15 seconds has more than anybody can see.
const POINTS: usize = 280;

/// The series that a finding's evidence speaks of, each as a figure.
pub(super) fn of_finding(snapshot: &Snapshot, finding: &Finding) -> String {
    let involved =
        |series: &&SnapshotSeries| finding.evidence.iter().any(|one| speaks_of(&one.signal, &one.attrs, series));
    let pictures = snapshot.series.iter().filter(involved).filter_map(|series| figure(snapshot, series));
    pictures.take(PICTURES).collect()
}

/// Whether an expression over signals with these attributes speaks of a series.
fn speaks_of(
    expression: &str,
    attributes: &firstline_diagnosis::vocabulary::Attributes,
    series: &SnapshotSeries,
) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_');
    let named = expression.match_indices(&series.signal).any(|(start, name)| {
        let before = expression[..start].chars().next_back();
        let after = expression[start + name.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    });
    named && attributes.iter().all(|(name, value)| series.attrs.get(name).is_none_or(|have| have == value))
}

fn figure(snapshot: &Snapshot, series: &SnapshotSeries) -> Option<String> {
    let points = thinned(&series.values);
    let known: Vec<f64> = points.iter().flatten().copied().collect();
    let low = known.iter().copied().reduce(f64::min)?;
    let high = known.iter().copied().reduce(f64::max)?;
    let unit = snapshot.readings.iter().find(|reading| reading.signal == series.signal).map_or("", |one| &one.unit);
    let label = format!("{}{}", series.signal, series.attrs);
    let span = quantity(f64::from(series.step_seconds) * series.values.len() as f64, "s");
    Some(format!(
        "<figure><figcaption><code>{}</code><br>{} to {}, {} from {}</figcaption>{}</figure>",
        escape(&label),
        escape(&quantity(low, unit)),
        escape(&quantity(high, unit)),
        escape(&span),
        escape(&moment(series.start)),
        drawing(&points, low, high, &label),
    ))
}

fn drawing(points: &[Option<f64>], low: f64, high: f64, label: &str) -> String {
    let (width, height) = SIZE;
    let span = if high > low { high - low } else { 1.0 };
    let step = width / (points.len().max(2) - 1) as f64;
    let mut path = String::new();
    let mut pen_down = false;
    for (index, point) in points.iter().enumerate() {
        if let Some(value) = point {
            let x = index as f64 * step;
            let y = (height - 4.0) - (value - low) / span * (height - 8.0);
            let letter = if pen_down { 'L' } else { 'M' };
            let _ = write!(path, "{letter}{x:.1} {y:.1}");
        }
        pen_down = point.is_some();
    }
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\"><path d=\"{path}\"/></svg>",
        escape(label)
    )
}

/// At most [`POINTS`] points: of each stretch the value that lies farthest from the one before it, so that peaks stay.
fn thinned(values: &[Option<f32>]) -> Vec<Option<f64>> {
    let stretch = values.len().div_ceil(POINTS).max(1);
    let mut last = 0.0;
    let mut thin = Vec::with_capacity(POINTS);
    for part in values.chunks(stretch) {
        let known = part.iter().flatten().map(|&value| f64::from(value)).filter(|value| value.is_finite());
        let far = known.max_by(|one, other| (one - last).abs().total_cmp(&(other - last).abs()));
        last = far.unwrap_or(last);
        thin.push(far);
    }
    thin
}
