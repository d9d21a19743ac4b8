use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use firstline_diagnosis::condition::Unit;
use firstline_diagnosis::document::SnapshotReading;
use firstline_diagnosis::human;
use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::registry::{Area, Registry};
use firstline_diagnosis::vocabulary::{Unknown, Value};

use super::local::{Local, Took};
use super::print_json;
use crate::config::Config;
use crate::state::StateDir;

/// Shows what a snapshot would send, or only what it takes to read it.
pub(super) async fn snapshot(config: &Config, state: &StateDir, json: bool, cost: bool) -> Result<()> {
    let (snapshot, took) = Local::new(config, state).timed_snapshot(None).await?;
    if cost {
        return costs(&mut std::io::stdout().lock(), &took);
    }
    if json {
        return print_json(&snapshot);
    }
    let mut out = std::io::stdout().lock();
    let mut areas: BTreeMap<Area, Vec<&SnapshotReading>> = BTreeMap::new();
    for reading in &snapshot.readings {
        if let Some(spec) = Registry::builtin().get(&reading.signal) {
            areas.entry(spec.area).or_default().push(reading);
        }
    }
    for (area, readings) in areas {
        writeln!(out, "{}", area.name())?;
        for reading in readings {
            writeln!(out, "  {} [{}{}]: {}", label(reading), reading.signal, reading.attrs, words(reading))?;
        }
    }
    writeln!(
        out,
        "\nThat is {} readings. A pull also sends {} series of history, {} events and {} changes. Nothing was sent now.",
        snapshot.readings.len(),
        snapshot.series.len(),
        snapshot.events.len(),
        snapshot.changes.len()
    )?;
    if let Err(closed) = state.check_readable() {
        writeln!(out, "Note: what the agent remembers is missing here, since {closed:#}.")?;
    }
    Ok(())
}

/// What each section took, the longest first.
fn costs(out: &mut impl Write, took: &[Took]) -> Result<()> {
    let mut rows: Vec<&Took> = took.iter().collect();
    rows.arrange_by_key(|row| std::cmp::Reverse(row.elapsed));
    writeln!(out, "{:<12} {:>9} {:>11}", "section", "readings", "time")?;
    for Took { section, readings, elapsed } in rows {
        let name = section.as_str_name().trim_start_matches("SECTION_").to_lowercase();
        writeln!(out, "{name:<12} {readings:>9} {:>8.0} ms", elapsed.as_secs_f64() * 1000.0)?;
    }
    writeln!(out, "Sections are read side by side, after a first look two seconds earlier at what is a rate.")?;
    Ok(())
}

fn words(reading: &SnapshotReading) -> String {
    match (&reading.value, reading.why) {
        (Some(Value::Number(number)), _) => amount(&reading.signal, *number, &reading.unit),
        (Some(Value::Flag(flag)), _) => if *flag { "yes" } else { "no" }.to_owned(),
        (Some(Value::Text(text)), _) => text.clone(),
        (None, Some(why)) => format!("unknown: {}", Unknown::new(why, reading.detail.as_str()).words()),
        (None, None) => "unknown".to_owned(),
    }
}

fn label(reading: &SnapshotReading) -> &str {
    Registry::builtin().get(&reading.signal).map_or(reading.signal.as_str(), |spec| &spec.label)
}

/// A number as people say it. A moment in time is no span of time.
fn amount(signal: &str, number: f64, unit: &str) -> String {
    match Unit::parse(unit) {
        _ if signal == "endpoint.boot.time" => moment(number),
        Ok(unit) => human(number, &unit),
        Err(_) => format!("{number} {unit}"),
    }
}

fn moment(unix_seconds: f64) -> String {
    jiff::Timestamp::from_second(unix_seconds as i64).map_or_else(|_| unix_seconds.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firstline_diagnosis::vocabulary::{Attributes, Reading, Timestamp, Why};
    use firstline_proto::convert::Section;

    use super::*;
    use crate::snapshot::snapshot_reading;

    fn shown(reading: Reading) -> String {
        words(&snapshot_reading(&reading))
    }

    #[test]
    fn numbers_are_shown_as_people_say_them() {
        let number = |signal: &str, value: f64| shown(Reading::value(signal, Attributes::none(), value, Timestamp(0)));
        assert_eq!(number("system.memory.limit", 25276514304.0), "23.5 GiB");
        assert_eq!(number("endpoint.pressure.cpu.some", 0.0), "0 %");
        assert_eq!(number("system.uptime", 93_784.0), "1 d 2 h");
        assert_eq!(number("system.process.count", 412.0), "412");
        assert_eq!(number("endpoint.boot.time", 0.0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn the_longest_section_comes_first() {
        let took = |section, milliseconds| Took { section, readings: 3, elapsed: Duration::from_millis(milliseconds) };
        let mut out = Vec::new();
        costs(&mut out, &[took(Section::Identity, 7), took(Section::Network, 1200)]).expect("memory takes it");
        let text = String::from_utf8(out).expect("text");
        let rows: Vec<&str> =
            text.lines().skip(1).map(|line| line.split_whitespace().next().expect("a name")).collect();
        assert_eq!(rows[..2], ["network", "identity"], "{text}");
        assert!(text.contains("1200 ms"), "{text}");
    }

    #[test]
    fn what_is_unknown_says_why_once() {
        let unknown = |why| shown(Reading::unknown("system.uptime", Attributes::none(), why, Timestamp(0)));
        assert_eq!(unknown(Why::Timeout), "unknown: the source did not answer in time");
    }
}
