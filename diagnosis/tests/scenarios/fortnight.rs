//! Two weeks of machines with which nothing is wrong: nobody may be told of anything.
//!
//! The weeks are not written but follow from the calendar: work from morning to evening with calls and a break at noon, two days
//! of the week at home, nights asleep or idle, weekends off. Each machine has its own minutes, so that no two weeks are alike.

use std::collections::BTreeMap;

use super::file::{Corpus, Scenario};
use super::level::Noise;

/// The Monday on which it begins, in the week before clocks change in Europe.
const MONDAY: &str = "2026-03-16";
const DAYS: u32 = 14;

/// A fortnight of each kind of machine.
pub(crate) fn of_each(corpus: &Corpus) -> Vec<Scenario> {
    (0..)
        .zip(&corpus.machines)
        .map(|(seed, (name, machine))| fortnight(name, machine.battery.is_some(), seed))
        .collect()
}

fn fortnight(machine: &str, is_laptop: bool, seed: u64) -> Scenario {
    let mut minutes = Noise::of(seed, "minutes of a fortnight");
    let mut hours = BTreeMap::new();
    for day in 0..DAYS {
        let (place, night) = match (is_laptop, day % 7) {
            (true, 1 | 3) => ("mains home-wifi", "asleep mains"),
            (true, _) => ("mains office-wifi", "asleep mains"),
            // On Fridays it is switched off.
            (false, 4) => ("office-cable", "off"),
            (false, _) => ("office-cable", "office-cable"),
        };
        let mut from = |hour: u32, doing: String| {
            let minute = (minutes.even() * 30.0) as u32;
            hours.insert(format!("+{day} {hour:02}:{minute:02}"), doing);
        };
        if day % 7 < 5 {
            from(8, format!("{place} work"));
            from(10, format!("{place} call"));
            from(11, format!("{place} work"));
            from(12, if is_laptop { "asleep".to_owned() } else { place.to_owned() });
            from(13, format!("{place} work"));
            from(15, format!("{place} call"));
            from(16, format!("{place} work"));
            from(17, night.to_owned());
        }
    }
    hours.insert("00:00".to_owned(), if is_laptop { "asleep mains" } else { "off" }.to_owned());
    Scenario {
        name: format!("fortnight-{machine}"),
        title: "two weeks of ordinary work".to_owned(),
        machine: machine.to_owned(),
        seed,
        date: MONDAY.to_owned(),
        ends: format!("+{} 24:00", DAYS - 1),
        hours,
        layers: BTreeMap::new(),
        happens: Vec::new(),
        earlier: BTreeMap::new(),
        finds: Vec::new(),
        tickets: Vec::new(),
        along: Vec::new(),
        remark: String::new(),
    }
}
