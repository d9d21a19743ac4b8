//! Fleets in which a rollout breaks machines, and fleets in which none does.

use super::super::presence::{SLOT_MS, bits, slot_of};
use super::*;

const NOW: Timestamp = Timestamp(1_769_000_000_000);
const DAY: Duration = Duration::from_hours(24);

/// Numbers by chance (SplitMix64), the same each time.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// So many machines, awake by day; programs crash on each once in ten days or so.
fn fleet(count: i64, dice: &mut Dice) -> Known {
    let machine = |key: i64| Machine {
        key,
        id: format!("e{key}"),
        name: format!("lap-{key}"),
        os: if key % 5 == 0 { "darwin" } else { "windows" }.to_owned(),
    };
    let machines: Vec<Machine> = (1..=count).map(machine).collect();
    let keys: Vec<i64> = machines.iter().map(|machine| machine.key).collect();
    let slots = (slot_of(NOW - DAY * 22), slot_of(NOW));
    let all = bits(keys.iter().copied());
    let by_day = (slots.0..slots.1).filter(|slot| (32..72).contains(&slot.rem_euclid(96)));
    let awake = Awake::new(&keys, slots, by_day.map(|slot| (slot, all.clone())));
    let mut happened = vec![HashMap::new(); SYMPTOMS.len()];
    for key in keys {
        for day in 0..22_u32 {
            if dice.share() < 0.1 {
                let at = NOW - DAY * day - Duration::from_hours(3);
                happened[2].entry(key).or_insert_with(Vec::new).push((at, 1.0));
            }
        }
    }
    Known { machines, awake, changes: BTreeMap::new(), happened }
}

fn software() -> usize {
    THRESHOLDS.attributes.iter().position(|attribute| attribute.id == "software").expect("there is software")
}

impl Known {
    /// A share of the machines gets a change on the days from ten to five before now.
    fn roll_out(&mut self, value: &str, share: f64, dice: &mut Dice) {
        let mut obtained = HashMap::new();
        for machine in &self.machines {
            if dice.share() < share {
                obtained.insert(machine.key, NOW - DAY * 5 - Duration::from_mins((dice.share() * 7200.0) as u64));
            }
        }
        self.changes.insert((software(), value.to_owned()), obtained);
    }

    /// Since a change, programs crash on a share of its machines each day.
    fn break_by(&mut self, value: &str, share: f64, dice: &mut Dice) {
        let obtained = self.changes[&(software(), value.to_owned())].clone();
        let mut keys: Vec<_> = obtained.into_iter().collect();
        keys.sort_unstable();
        for (key, at) in keys {
            let mut when = at + Duration::from_hours(1);
            while when < NOW {
                if dice.share() < share {
                    self.happened[2].entry(key).or_default().push((when, 1.0));
                }
                when = when + DAY;
            }
        }
    }
}

#[test]
fn the_rollout_that_breaks_machines_is_told_among_twenty_that_do_not() {
    let mut dice = Dice(7);
    let mut known = fleet(400, &mut dice);
    for number in 0..20 {
        known.roll_out(&format!("app-{number} 2.0"), 0.15, &mut dice);
    }
    known.break_by("app-13 2.0", 0.5, &mut dice);
    let seen = known.seen(NOW);
    let told: Vec<&str> = seen.iter().map(|one| one.shared[0].value.as_str()).collect();
    assert_eq!(told, ["app-13 2.0"]);
    assert_eq!(seen[0].title, "Since app-13 2.0 was rolled out, programs crash more often");
    assert!(seen[0].numbers.lift >= 2.0 && seen[0].numbers.q <= 0.01, "{:?}", seen[0].numbers);
    assert!(seen[0].affected.len() >= 20, "those that crashed since: {}", seen[0].affected.len());
}

#[test]
fn of_a_thousand_rollouts_that_break_nothing_none_is_blamed() {
    let mut blamed = 0;
    for seed in 0..25 {
        let mut dice = Dice(1000 + seed);
        let mut known = fleet(200, &mut dice);
        for number in 0..40 {
            known.roll_out(&format!("app-{number} 2.0"), 0.2, &mut dice);
        }
        blamed += known.seen(NOW).len();
    }
    assert!(blamed <= 1, "{blamed} of 1000 rollouts that changed nothing were blamed");
}

#[test]
fn a_bad_week_for_everybody_is_no_rollouts_fault() {
    let mut dice = Dice(3);
    let mut known = fleet(300, &mut dice);
    known.roll_out("app 2.0", 0.3, &mut dice);
    for machine in known.machines.clone() {
        for day in 0..5_u32 {
            if dice.share() < 0.6 {
                known.happened[2]
                    .entry(machine.key)
                    .or_default()
                    .push((NOW - DAY * day - Duration::from_hours(2), 1.0));
            }
        }
    }
    assert!(known.seen(NOW).is_empty());
}

#[test]
fn few_machines_are_enough_when_whole_systems_crash_and_a_change_of_today_is_too_young() {
    let mut dice = Dice(5);
    let mut known = fleet(120, &mut dice);
    let keys: Vec<i64> = known.machines.iter().map(|machine| machine.key).filter(|key| key % 5 != 0).take(10).collect();
    let at = |days: u32| keys.iter().map(|key| (*key, NOW - DAY * days)).collect::<HashMap<_, _>>();
    for key in keys.iter().take(7) {
        known.happened[0].insert(*key, vec![(NOW - Duration::from_hours(30), 1.0)]);
    }
    known.changes.insert((software(), "driver 9".to_owned()), at(3));
    let seen = known.seen(NOW);
    assert_eq!((seen.len(), seen[0].severity, seen[0].affected.len()), (1, Severity::High, 7));
    known.changes.clear();
    known.changes.insert((software(), "driver 9".to_owned()), keys.iter().map(|key| (*key, NOW - DAY / 2)).collect());
    assert!(known.seen(NOW).is_empty());
}

#[test]
fn who_sleeps_longer_since_has_fewer_hours_and_not_fewer_troubles() {
    let mut dice = Dice(11);
    let mut known = fleet(300, &mut dice);
    known.roll_out("app 2.0", 0.3, &mut dice);
    known.break_by("app 2.0", 0.6, &mut dice);
    let hours = known.awake.hours(1, (NOW - DAY * 7, NOW));
    assert!((hours - 70.0).abs() < 12.0, "ten hours a day: {hours}");
    assert_eq!(known.seen(NOW).len(), 1);
    // Nobody is known to have been awake: nothing can be said.
    known.awake = Awake::new(&[], (slot_of(NOW) - 96, NOW.unix_ms() / SLOT_MS), std::iter::empty());
    assert!(known.seen(NOW).is_empty());
}

/// What a look costs with ten thousand endpoints and two hundred rollouts; printed, not judged.
#[test]
fn a_look_at_ten_thousand_endpoints_ends() {
    let mut dice = Dice(17);
    let mut known = fleet(10_000, &mut dice);
    for number in 0..200 {
        known.roll_out(&format!("app-{number} 2.0"), 0.01 + 0.3 * dice.share(), &mut dice);
    }
    known.break_by("app-7 2.0", 0.4, &mut dice);
    known.keep_the_largest();
    let begun = std::time::Instant::now();
    let seen = known.seen(NOW);
    println!("200 rollouts on 10,000 endpoints were compared in {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(seen.first().map(|one| one.shared[0].value.as_str()), Some("app-7 2.0"));
}
