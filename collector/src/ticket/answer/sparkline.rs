//! Small pictures of series, as SVG that stands in a page.
//!
//! A snapshot has a series in stretches of different steps; a picture joins them. A step without a number is a gap.

use std::fmt::Write as _;
use std::time::Duration;

use firstline_diagnosis::document::{Around, Finding, Snapshot, SnapshotSeries};
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::texts::{behind, moment, quantity};
use firstline_diagnosis::vocabulary::{Attributes, Timestamp};

use crate::ticket::rich_text::escape;

/// Most pictures in a row.
const PICTURES: usize = 4;

/// Width and height of the drawing, in its own units.
const SIZE: (f64, f64) = (280.0, 48.0);

/// Points of a line; a day at 15 seconds has more than anybody can see.
const POINTS: usize = 280;

/// The newest stretch, drawn once more, since a day hides what an hour shows.
const HOUR: Duration = Duration::from_hours(1);
/// What is shorter needs that not.
const LONG: Duration = Duration::from_hours(2);

/// From when until when.
type Span = (Timestamp, Timestamp);

/// The series that a finding's evidence speaks of, each as a figure of all that is known and one of the last hour.
pub(super) fn of_finding(snapshot: &Snapshot, finding: &Finding) -> String {
    let pictures = involved(snapshot, &[finding]).into_iter().flat_map(|(signal, attrs)| {
        let whole = span(snapshot, signal, attrs);
        let hour = whole.filter(|(from, until)| until.since(*from) > LONG).map(|(_, until)| (until - HOUR, until));
        let spans = [whole, hour].into_iter().flatten();
        spans.filter_map(|span| figure(snapshot, (signal, attrs), span, None)).collect::<Vec<_>>()
    });
    pictures.take(PICTURES).collect()
}

/// What was unusual around a moment, and what the findings of then rest on: two hours, with a line at the moment. What did
/// not move is not drawn.
pub(crate) fn around(snapshot: &Snapshot, around: &Around) -> String {
    let findings: Vec<&Finding> = around.findings.iter().collect();
    let unusual = around.unusual.iter().map(|one| (one.signal.as_str(), &one.attrs));
    let mut series: Vec<(&str, &Attributes)> = Vec::new();
    for one in unusual.chain(involved(snapshot, &findings)) {
        if !series.contains(&one) {
            series.push(one);
        }
    }
    let span = (around.at - HOUR, (around.at + HOUR).min(snapshot.taken_at));
    let pictures = series.into_iter().filter_map(|series| figure(snapshot, series, span, Some(around.at)));
    pictures.take(PICTURES).collect()
}

/// The series that the evidence of findings speaks of, each once.
fn involved<'a>(snapshot: &'a Snapshot, findings: &[&Finding]) -> Vec<(&'a str, &'a Attributes)> {
    let mut involved: Vec<(&str, &Attributes)> = Vec::new();
    let evidence = findings.iter().flat_map(|finding| &finding.evidence);
    for one in evidence {
        for series in snapshot.series.iter().filter(|series| speaks_of(&one.signal, &one.attrs, series)) {
            if !involved.contains(&(series.signal.as_str(), &series.attrs)) {
                involved.push((series.signal.as_str(), &series.attrs));
            }
        }
    }
    involved
}

/// Whether an expression over signals with these attributes speaks of a series.
fn speaks_of(expression: &str, attributes: &Attributes, series: &SnapshotSeries) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_');
    let named = expression.match_indices(&series.signal).any(|(start, name)| {
        let before = expression[..start].chars().next_back();
        let after = expression[start + name.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    });
    named && attributes.iter().all(|(name, value)| series.attrs.get(name).is_none_or(|have| have == value))
}

fn stretches<'a>(
    snapshot: &'a Snapshot,
    signal: &'a str,
    attrs: &'a Attributes,
) -> impl Iterator<Item = &'a SnapshotSeries> {
    snapshot.series.iter().filter(move |series| series.signal == signal && series.attrs == *attrs)
}

/// All that is known of a series.
fn span(snapshot: &Snapshot, signal: &str, attrs: &Attributes) -> Option<Span> {
    let from = stretches(snapshot, signal, attrs).map(|series| series.start).min()?;
    let ends = stretches(snapshot, signal, attrs).map(|series| {
        let seconds = u64::from(series.step_seconds) * series.values.len() as u64;
        series.start + Duration::from_secs(seconds)
    });
    Some((from, ends.max()?))
}

fn figure(
    snapshot: &Snapshot,
    (signal, attrs): (&str, &Attributes),
    span: Span,
    marked: Option<Timestamp>,
) -> Option<String> {
    let points = joined(stretches(snapshot, signal, attrs), span);
    let known: Vec<f64> = points.iter().flatten().copied().collect();
    let low = known.iter().copied().reduce(f64::min)?;
    let high = known.iter().copied().reduce(f64::max).filter(|high| marked.is_none() || *high > low)?;
    let unit = snapshot.readings.iter().find(|reading| reading.signal == signal).map_or("", |one| &one.unit);
    let label = label(signal, attrs);
    Some(format!(
        "<figure><figcaption>{}<br>{} to {}, {} from {}</figcaption>{}</figure>",
        escape(&label),
        escape(&quantity(low, unit)),
        escape(&quantity(high, unit)),
        escape(&quantity(span.1.since(span.0).as_secs_f64(), "s")),
        escape(&moment(span.0)),
        drawing(&points, (low, high), marked.map(|at| share(at, span)), &label),
    ))
}

/// What a series tells, in plain words, and of what: `Space of a volume (/home, data, free)`.
fn label(signal: &str, attrs: &Attributes) -> String {
    let label = Registry::builtin().get(signal).map_or(signal, |spec| spec.label.as_str());
    let of: Vec<&str> = attrs.iter().map(|(_, value)| value).collect();
    format!("{label}{}", behind(&of.join(", ")))
}

/// Where in a span a moment lies, 0 to 1.
fn share(at: Timestamp, (from, until): Span) -> f64 {
    (at.since(from).as_secs_f64() / until.since(from).as_secs_f64().max(1.0)).clamp(0.0, 1.0)
}

fn drawing(points: &[Option<f64>], (low, high): (f64, f64), marked: Option<f64>, label: &str) -> String {
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
    let line = marked.map_or_else(String::new, |share| {
        let x = share * width;
        format!("<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{height}\"/>")
    });
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{line}<path d=\"{path}\"/></svg>",
        escape(label)
    )
}

/// [`POINTS`] points over a span: of the numbers of each the one that lies farthest from the point before it, so that peaks
/// stay; a number stands for all of its step.
fn joined<'a>(stretches: impl Iterator<Item = &'a SnapshotSeries>, (from, until): Span) -> Vec<Option<f64>> {
    let point_ms = (until.since(from).as_millis() as i64 / POINTS as i64).max(1);
    let mut points: Vec<Vec<f64>> = vec![Vec::new(); POINTS];
    for series in stretches {
        let step_ms = i64::from(series.step_seconds.max(1)) * 1000;
        for (at, value) in series.points() {
            let after_ms = at.0.saturating_sub(from.0);
            let end = after_ms.saturating_sub(1).div_euclid(point_ms);
            let start = after_ms.saturating_sub(step_ms).div_euclid(point_ms).max(0);
            for point in start..=end.min(POINTS as i64 - 1) {
                points[point as usize].push(value);
            }
        }
    }
    let mut last = 0.0;
    let farthest = |values: Vec<f64>| {
        let far = values.into_iter().max_by(|one, other| (one - last).abs().total_cmp(&(other - last).abs()));
        last = far.unwrap_or(last);
        far
    };
    points.into_iter().map(farthest).collect()
}
