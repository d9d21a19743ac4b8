//! The picture beside a forecast: what was measured, and where it leads at this pace.
//!
//! Drawn here as SVG, so that it needs no script and is the same on a page and on paper. The outer drawing is counted in
//! pixels, so that its words stay readable on a narrow screen; the lines lie in an inner one that is stretched. History comes
//! in the shortest steps that are still kept. Where nothing was kept there is no picture, and the finding's words stand alone.

use std::time::Duration;

use firstline_diagnosis::catalogue::Check;
use firstline_diagnosis::document::{Diagnosis, Finding, Forecast, SnapshotSeries};
use firstline_diagnosis::registry::SignalKind;
use firstline_diagnosis::trend::{Form, Read};
use firstline_diagnosis::vocabulary::{Attributes, Timestamp};

use super::finding::{DiagnosisView, instance_words};
use super::units::quantity;
use crate::api::problem::Problem;
use crate::app::App;

/// The stretched drawing's width and height.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// Pictures of one diagnosis at most: each reads history.
const PICTURES_MAX: usize = 4;
/// Points of a line at most.
const POINTS_MAX: usize = 400;
/// The method that tells when something is used up, and its parameter for the level at which it is.
const UNTIL_EMPTY: (&str, &str) = ("disk-fill", "reserve");
/// The share of the picture that the past keeps, however far ahead the estimate reaches.
const PAST_LEAST: f64 = 0.5;

/// A picture of a forecast.
pub(crate) struct Picture {
    /// What is shown, in a sentence.
    pub words: String,
    /// Lines of what was measured, each as SVG points; a gap begins another.
    pub past: Vec<String>,
    /// Between what it may move from now on, as SVG points; empty when nothing is said of it.
    pub range: String,
    /// The likeliest of it.
    pub likeliest: String,
    /// Where now is, in percent of the width.
    pub now: String,
    /// Where it is used up, from the top.
    pub floor: String,
    /// The value at the top.
    pub top: String,
    /// When the picture begins.
    pub from: String,
    /// When it is used up; empty when nothing is said of it.
    pub until: String,
}

/// Puts pictures beside the findings of a diagnosis that were forecast.
///
/// # Errors
/// The database's.
pub(super) async fn illustrate(
    app: &App,
    endpoint: &str,
    diagnosis: &Diagnosis,
    view: &mut DiagnosisView,
) -> Result<(), Problem> {
    let catalogue = app.detect.catalogues().current();
    let told = diagnosis.findings.iter().filter(|finding| finding.forecast.is_some());
    for finding in told.take(PICTURES_MAX) {
        let (Some(forecast), Some(check)) = (&finding.forecast, catalogue.check(&finding.id)) else { continue };
        let Some(read) = check.method.as_ref().and_then(|method| method.reads.first()) else { continue };
        if read.form() != Form::Steps || read.signal.kind == SignalKind::Counter {
            continue;
        }
        let from = forecast.at - Duration::from_secs(forecast.window_seconds);
        let span = (from, forecast.at);
        let series = app.history.series(endpoint, &read.signal.name, span, app.clock.now()).await?;
        let own = series.into_iter().map(|one| one.series).find(|one| is_of(check, read, finding, &one.attrs));
        let picture = own.and_then(|series| Picture::new(check, read, forecast, &series));
        if let (Some(picture), Some(shown)) = (picture, view.named(&finding.id, &finding.instance)) {
            shown.picture = Some(picture);
        }
    }
    Ok(())
}

/// Whether a series is the one that a finding speaks of.
fn is_of(check: &Check, read: &Read, finding: &Finding, attributes: &Attributes) -> bool {
    let fixed = read.fixed.iter().all(|(name, value)| attributes.get(name) == Some(value));
    let mut own = check.each.iter().filter_map(|name| attributes.get(name));
    fixed && (check.each.is_empty() || own.all(|value| finding.instance.split(", ").any(|part| part == value)))
}

/// What is drawn, from when to when and up to which value.
struct Frame {
    from: Timestamp,
    to: Timestamp,
    top: f64,
}

impl Frame {
    fn x(&self, at: Timestamp) -> f64 {
        WIDTH * at.seconds_since(self.from) / self.to.seconds_since(self.from).max(1.0)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT * (1.0 - value / self.top)
    }

    fn point(&self, at: Timestamp, value: f64) -> String {
        format!("{:.1},{:.2}", self.x(at), self.y(value))
    }
}

impl Picture {
    /// Nothing when there is no line to draw.
    fn new(check: &Check, read: &Read, forecast: &Forecast, series: &SnapshotSeries) -> Option<Self> {
        let points = points(series);
        let (first, last) = (*points.iter().flatten().next()?, *points.iter().flatten().last()?);
        let top = points.iter().flatten().map(|(_, value)| *value).fold(0.0, f64::max);
        if points.iter().flatten().count() < 2 || top <= 0.0 {
            return None;
        }
        let ahead = ahead(check, forecast);
        let reach = ahead.as_ref().map_or(0.0, |ahead| ahead.latest * 1.15);
        let longest = forecast.window_seconds as f64 * (1.0 - PAST_LEAST) / PAST_LEAST;
        let to = forecast.at + Duration::from_secs_f64(reach.clamp(0.0, longest));
        let frame = Frame { from: first.0, to, top: top * 1.08 };
        let unit = &read.signal.unit;
        let instance = instance(series);
        let fixed = read.fixed.iter().map(|(_, value)| value.as_str());
        let name = std::iter::once(read.signal.label.as_str()).chain(fixed).chain([instance.as_str()]);
        let name = name.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let went = format!(
            "{name}: {} {}, {} now",
            quantity(first.1, unit),
            days_ago(forecast.at.seconds_since(first.0)),
            quantity(last.1, unit)
        );
        let mut picture = Self {
            words: format!("{went}."),
            past: lines(&frame, &points),
            range: String::new(),
            likeliest: String::new(),
            now: format!("{:.1}", frame.x(forecast.at) / WIDTH * 100.0),
            floor: format!("{HEIGHT:.2}"),
            top: quantity(top, unit),
            from: days_ago(forecast.at.seconds_since(first.0)),
            until: String::new(),
        };
        if let Some(ahead) = ahead {
            picture.lead(&frame, forecast.at, last.1, &ahead);
            picture.words = format!("{went}. At this pace it is used up {}.", forecast.words);
        }
        Some(picture)
    }

    /// What comes, from where it stands.
    fn lead(&mut self, frame: &Frame, at: Timestamp, value: f64, ahead: &Ahead) {
        let end = |seconds: f64| frame.point(at + Duration::from_secs_f64(seconds), ahead.level);
        let start = frame.point(at, value);
        self.range = format!("{start} {} {}", end(ahead.soonest), end(ahead.latest));
        self.likeliest = format!("{start} {}", end(ahead.likeliest));
        self.floor = format!("{:.2}", frame.y(ahead.level));
        let day = |seconds: f64| day(at + Duration::from_secs_f64(seconds));
        let (soonest, latest) = (day(ahead.soonest), day(ahead.latest));
        self.until = if soonest == latest { soonest } else { format!("{soonest} to {latest}") };
    }
}

/// When something is used up, in seconds from the forecast on, and at which level.
struct Ahead {
    soonest: f64,
    likeliest: f64,
    latest: f64,
    level: f64,
}

fn ahead(check: &Check, forecast: &Forecast) -> Option<Ahead> {
    if forecast.method != UNTIL_EMPTY.0 {
        return None;
    }
    let level = check.method.as_ref().and_then(|method| method.parameters.get(UNTIL_EMPTY.1)).copied();
    let (soonest, likeliest, latest) = (forecast.low?, forecast.estimate?, forecast.high?);
    Some(Ahead { soonest, likeliest, latest: latest.max(soonest), level: level.unwrap_or(0.0) })
}

/// Moments and values, few enough to draw; nothing where nothing was measured.
fn points(series: &SnapshotSeries) -> Vec<Option<(Timestamp, f64)>> {
    let every = series.values.len().div_ceil(POINTS_MAX).max(1);
    let step = Duration::from_secs(u64::from(series.step_seconds));
    let stretches = series.values.chunks(every).enumerate();
    let point = |(place, values): (usize, &[Option<f32>])| {
        let least = values.iter().flatten().copied().reduce(f32::min)?;
        let place = u32::try_from(place * every).ok()?;
        Some((series.start + step * place, f64::from(least)))
    };
    stretches.map(point).collect()
}

/// Lines without what was not measured: a gap of a few steps is bridged, since endpoints sleep.
fn lines(frame: &Frame, points: &[Option<(Timestamp, f64)>]) -> Vec<String> {
    let measured: Vec<(Timestamp, f64)> = points.iter().flatten().copied().collect();
    let day = 86_400.0;
    let stretches = measured.chunk_by(|one, next| next.0.seconds_since(one.0) < day);
    stretches
        .map(|stretch| stretch.iter().map(|(at, value)| frame.point(*at, *value)).collect::<Vec<_>>().join(" "))
        .collect()
}

/// What tells the series from others of the name.
fn instance(series: &SnapshotSeries) -> String {
    let telling: Attributes =
        series.attrs.iter().filter(|(name, _)| !["state", "type", "role"].contains(name)).collect();
    instance_words(&telling)
}

fn days_ago(seconds: f64) -> String {
    match seconds / 3600.0 {
        hours if hours < 2.0 => format!("{:.0} min ago", (seconds / 60.0).max(1.0)),
        hours if hours < 48.0 => format!("{hours:.0} h ago"),
        hours => format!("{:.0} days ago", hours / 24.0),
    }
}

/// `26 Nov`.
fn day(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = at.to_string();
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<usize>().ok()).unwrap_or(1);
    format!("{} {}", part(8, 10), MONTHS[(part(5, 7) - 1).min(11)])
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::catalogue::Catalogue;

    use super::*;

    const DAY_SECONDS: u64 = 86_400;
    const AT: Timestamp = Timestamp(1_769_000_000_000);
    const GIB: f32 = 1_073_741_824.0;

    /// Two weeks of hours in which free space goes from 30 to 2 GiB, nothing for the days of `gap`.
    fn free(gap: std::ops::Range<u64>) -> SnapshotSeries {
        let value = |hour: u64| (!gap.contains(&(hour / 24))).then(|| GIB * (30.0 - 28.0 * hour as f32 / 336.0));
        SnapshotSeries {
            signal: "system.filesystem.usage".to_owned(),
            attrs: [("mountpoint", "/"), ("state", "free")].into_iter().collect(),
            start: AT - Duration::from_secs(14 * DAY_SECONDS),
            step_seconds: 3600,
            values: (0..336).map(value).collect(),
        }
    }

    fn drawn(check: &str, method: &str, series: &SnapshotSeries) -> Option<Picture> {
        let catalogue = Catalogue::builtin();
        let check = catalogue.check(check).expect("it is shipped");
        let read = &check.method.as_ref().expect("it asks a method").reads[0];
        let day = DAY_SECONDS as f64;
        let forecast = Forecast {
            method: method.to_owned(),
            version: 1,
            at: AT,
            window_seconds: 14 * DAY_SECONDS,
            points: 56,
            estimate: Some(2.0 * day),
            low: Some(day),
            high: Some(4.0 * day),
            unit: "s".to_owned(),
            words: "in about 1 to 4 days".to_owned(),
            data: String::new(),
        };
        Picture::new(check, read, &forecast, series)
    }

    #[test]
    fn a_volume_that_fills_is_drawn_to_the_days_on_which_it_may_be_full() {
        let picture = drawn("disk-fill-forecast", "disk-fill", &free(0..0)).expect("a picture");
        assert_eq!((picture.top.as_str(), picture.from.as_str()), ("30 GiB", "14 days ago"));
        assert_eq!(picture.until, "22 Jan to 25 Jan");
        assert!(picture.words.ends_with("At this pace it is used up in about 1 to 4 days."), "{}", picture.words);
        assert!(picture.words.contains("30 GiB 14 days ago, 2.1 GiB now"), "{}", picture.words);
        assert_eq!((picture.past.len(), picture.range.split(' ').count()), (1, 3));
        let now: f64 = picture.now.parse().expect("a share");
        assert!((70.0..80.0).contains(&now), "four days and a bit lie ahead of fourteen: {now}");
    }

    #[test]
    fn days_without_a_measurement_are_a_gap_and_nothing_measured_is_no_picture() {
        let picture = drawn("disk-fill-forecast", "disk-fill", &free(5..8)).expect("a picture");
        assert_eq!(picture.past.len(), 2);
        assert!(drawn("disk-fill-forecast", "disk-fill", &free(0..14)).is_none());
    }

    #[test]
    fn what_is_not_used_up_is_drawn_without_an_end() {
        let picture = drawn("disk-fill-forecast", "leak", &free(0..0)).expect("a picture");
        assert!(picture.range.is_empty() && picture.until.is_empty(), "{}", picture.words);
        assert_eq!(picture.now, "100.0");
    }
}
