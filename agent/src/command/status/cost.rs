use std::io::Write;

use anyhow::Result;

use firstline_diagnosis::order::Arrange as _;

use super::bytes;
use crate::app::{ProbeStatus, Status};
use crate::uplink::Amount;

/// What each probe costs, the dearest first, with the sum and the notes that explain an odd row.
pub(super) fn table(out: &mut impl Write, agent: Option<&Status>) -> Result<()> {
    let Some(agent) = agent else {
        writeln!(out, "Nothing has been measured yet; costs are known a minute after `firstline-agent run`.")?;
        return Ok(());
    };
    writeln!(
        out,
        "Measured from {} to {}; an hour is an hour awake, and told is before it is packed.\n",
        agent.started_at, agent.at
    )?;
    let mut probes: Vec<&ProbeStatus> = agent.probes.iter().collect();
    probes.arrange_by(|one, other| other.cpu_ms_per_hour.total_cmp(&one.cpu_ms_per_hour));
    let name_width = probes.iter().map(|probe| probe.name.len()).max().unwrap_or(0).max("probe".len());
    writeln!(
        out,
        "{:name_width$} {:>12} {:>5} {:>9} {:>9} {:>9} {:>9}",
        "probe", "runs every", "runs", "p50", "p99", "CPU/hour", "told/hour"
    )?;
    for probe in &probes {
        writeln!(
            out,
            "{:name_width$} {:>12} {:>5} {:>9} {:>9} {:>9} {:>9}",
            probe.name,
            probe.tier,
            probe.runs,
            measured(probe, ms(probe.wall_ms_p50)),
            measured(probe, ms(probe.wall_ms_p99)),
            measured(probe, ms(probe.cpu_ms_per_hour)),
            measured(probe, bytes(probe.bytes_per_hour as u64)),
        )?;
    }
    sum(out, &probes, name_width)?;
    notes(out, &probes)?;
    sent(out, agent)
}

/// What was measured of a probe; nothing where it had no turn yet.
fn measured(probe: &ProbeStatus, words: String) -> String {
    if probe.runs == 0 { "-".to_owned() } else { words }
}

/// Signals that are named of those whose values were told alone.
const SIGNALS_SHOWN: usize = 10;

/// What left the machine, the most first.
fn sent(out: &mut impl Write, agent: &Status) -> Result<()> {
    writeln!(
        out,
        "\nSent over the stream: {} on the wire. What it held, before it was packed:",
        bytes(agent.sent.wire_bytes)
    )?;
    amounts(out, agent.sent.kinds.iter().collect(), usize::MAX)?;
    if !agent.sent.signals.is_empty() {
        writeln!(out, "States among them, by signal:")?;
    }
    amounts(out, agent.sent.signals.iter().collect(), SIGNALS_SHOWN)
}

fn amounts(out: &mut impl Write, mut amounts: Vec<(&String, &Amount)>, most: usize) -> Result<()> {
    amounts.arrange_by_key(|(_, amount)| std::cmp::Reverse(amount.bytes));
    for (name, amount) in amounts.into_iter().take(most) {
        writeln!(out, "  {name}: {} in {}", bytes(amount.bytes), amount.count)?;
    }
    Ok(())
}

fn sum(out: &mut impl Write, probes: &[&ProbeStatus], name_width: usize) -> Result<()> {
    let cpu: f64 = probes.iter().map(|probe| probe.cpu_ms_per_hour).sum();
    let told: f64 = probes.iter().map(|probe| probe.bytes_per_hour).sum();
    let runs: u64 = probes.iter().map(|probe| probe.runs).sum();
    let blank = "";
    writeln!(
        out,
        "{:name_width$} {blank:>12} {runs:>5} {blank:>9} {blank:>9} {:>9} {:>9}",
        "all",
        ms(cpu),
        bytes(told as u64),
    )?;
    writeln!(out, "\nAll probes together take {:.4} % of one core.", cpu / 36_000.0)?;
    Ok(())
}

fn notes(out: &mut impl Write, probes: &[&ProbeStatus]) -> Result<()> {
    for probe in probes {
        let counts = [
            (probe.failures, "gave nothing"),
            (probe.overlaps, "left out, the run before was not over"),
            (probe.put_off, "put off, low battery or metered network"),
            (probe.flooded, "readings cut, too many in one run"),
        ];
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let why = probe.failing.as_ref().filter(|_| what == "gave nothing");
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(out, "  {}: {count} x {what}{why}", probe.name)?;
        }
    }
    Ok(())
}

fn ms(ms: f64) -> String {
    if ms >= 1000.0 { format!("{:.2} s", ms / 1000.0) } else { format!("{ms:.2} ms") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{document, probe};
    use super::*;
    use crate::uplink::LinkState;

    fn told(probes: Vec<ProbeStatus>) -> String {
        let agent = document(LinkState::Connected, true).agent.map(|agent| Status { probes, ..agent });
        let mut out = Vec::new();
        table(&mut out, agent.as_ref()).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_dearest_probe_is_first_and_all_are_added_up() {
        let dear = ProbeStatus { cpu_ms_per_hour: 1500.0, put_off: 2, ..probe("process", None) };
        let text = told(vec![probe("cpu", None), dear]);
        let rows: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(rows[1..5], ["probe", "process", "cpu", "all"], "{text}");
        assert!(text.contains("1.62 s") && text.contains("0.0450 % of one core"), "{text}");
        assert!(text.contains("process: 2 x put off, low battery or metered network"), "{text}");
    }

    #[test]
    fn fits_into_a_terminal_of_eighty_columns() {
        let longest = crate::probe::all().iter().map(|probe| probe.spec().name).max_by_key(|name| name.len());
        let dear =
            ProbeStatus { runs: 40_320, wall_ms_p50: 250.17, tier: "for a ticket".to_owned(), ..probe("", None) };
        let text = told(vec![ProbeStatus { name: longest.expect("a probe").to_owned(), ..dear }]);
        let mut rows = text.lines().skip_while(|line| !line.is_empty()).skip(1).take_while(|line| !line.is_empty());
        assert!(rows.all(|row| row.len() <= 80), "{text}");
    }

    #[test]
    fn says_what_was_sent_the_most_first() {
        let mut agent = document(LinkState::Connected, true).agent.expect("one is there");
        agent.sent.wire_bytes = 4096;
        for (kind, bytes) in [("beat", 60), ("layout", 2048)] {
            agent.sent.kinds.insert(kind.to_owned(), Amount { count: 1, bytes });
        }
        let mut out = Vec::new();
        table(&mut out, Some(&agent)).expect("memory takes everything");
        let text = String::from_utf8(out).expect("text");
        assert!(
            text.contains("4 KiB on the wire. What it held, before it was packed:\n  layout: 2 KiB in 1\n  beat: 60 B"),
            "{text}"
        );
    }

    #[test]
    fn says_why_a_probe_gives_nothing() {
        let text = told(vec![ProbeStatus { failures: 3, ..probe("path", Some("no answer")) }]);
        assert!(text.contains("path: 3 x gave nothing: no answer"), "{text}");
    }
}
