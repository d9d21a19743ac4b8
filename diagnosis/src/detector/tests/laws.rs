//! What must hold for every input.

use proptest::prelude::*;

use super::*;

fn answer(story: &Story) -> String {
    serde_json::to_string(&story.detector.diagnose(None, story.now)).expect("plain data")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_arrival_within_ten_minutes_is_never_seen(
        levels in prop::collection::vec(0.5_f64..6.0, 10),
        order in Just((0..10_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let tell = |order: &[usize]| {
            let mut story = Story::of(&[&disk("0s")]);
            for index in order {
                story.now = Timestamp(START + (*index as i64 + 1) * MINUTE);
                story.sample(&[(FREE, levels[*index] * GIB), (SIZE, 100.0 * GIB)]);
            }
            story.now = Timestamp(START + 10 * MINUTE + 5_000);
            story.judge();
            answer(&story)
        };
        let in_order: Vec<usize> = (0..10).collect();
        prop_assert_eq!(tell(&in_order), tell(&order));
    }

    #[test]
    fn a_signal_that_no_check_reads_never_changes_a_verdict(
        levels in prop::collection::vec(0.5_f64..6.0, 12),
        noise in prop::collection::vec(-1e9_f64..1e9, 12),
    ) {
        let tell = |with_noise: bool| {
            let mut story = Story::of(&[&disk("2m")]);
            for (level, noise) in levels.iter().zip(&noise) {
                let mut numbers = vec![(FREE, level * GIB), (SIZE, 100.0 * GIB)];
                if with_noise {
                    numbers.insert(0, ("endpoint.memory.available", *noise));
                    numbers.push(("system.filesystem.usage{state=used,mountpoint=/}", *noise));
                }
                story.minutes(1, &numbers);
            }
            (answer(&story), story.moves)
        };
        prop_assert_eq!(tell(false), tell(true));
    }

    #[test]
    fn the_same_day_gives_the_same_bytes(levels in prop::collection::vec(0.5_f64..6.0, 20)) {
        let tell = || {
            let mut story = Story::of(&[&disk("1m")]);
            for level in &levels {
                story.minutes(1, &[(FREE, level * GIB), (SIZE, 100.0 * GIB)]);
            }
            (answer(&story), story.moves)
        };
        prop_assert_eq!(tell(), tell());
    }

    #[test]
    fn no_number_makes_it_panic(levels in prop::collection::vec(prop::num::f64::ANY, 20)) {
        let mut story = Story::of(&[&disk("1m")]);
        for level in levels {
            story.minutes(1, &[(FREE, level), (SIZE, level)]);
        }
        prop_assert!(!answer(&story).contains("NaN"));
    }
}

/// Series that checks with short windows, long ones and none read; for some instances more is kept than for others.
const READ: [&str; 6] = [
    "process.cpu.time{process.executable.name=firefox}",
    "process.cpu.time{process.executable.name=rustc}",
    "system.cpu.utilization{cpu.mode=idle}",
    "endpoint.memory.available",
    "system.filesystem.usage{mountpoint=/,role=system,state=free,type=ext4}",
    "system.filesystem.limit{mountpoint=/,role=system,type=ext4}",
];

/// What a series shows at a level from 0, terrible, to 1, fine.
fn at_level(series: usize, level: f32) -> f32 {
    match series {
        0 | 1 => (1.0 - level) * 480.0,
        2 => level,
        3 => level * 16e9,
        4 => level * 60e9,
        _ => 100e9,
    }
}

/// A minute's sample, and how late it comes.
fn minute() -> impl Strategy<Value = (Vec<Option<bool>>, i64)> {
    let shown = prop_oneof![6 => Just(Some(false)), 3 => Just(Some(true)), 1 => Just(None)];
    let late = prop_oneof![6 => Just(0_i64), 1 => 1..12_i64];
    (prop::collection::vec(shown, READ.len()), late)
}

/// Two turns of the day at most, each with its minute: windows reach back over half an hour of quiet time and no more, and
/// a boot makes ten minutes of it.
fn turns() -> impl Strategy<Value = Vec<(i64, Mark)>> {
    let mark = prop::sample::select(vec![Mark::Booted, Mark::Pausing, Mark::Resumed, Mark::NetworkChanged]);
    prop::collection::vec((1..200_i64, mark), 0..=2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_detector_that_forgets_judges_as_one_that_forgets_nothing(
        minutes in prop::collection::vec(minute(), 60..200),
        turns in turns(),
    ) {
        let builtin = Catalogue::builtin();
        let endless = Arc::new(builtin.endless());
        let [mut bounded, mut endless] = [builtin, endless]
            .map(|catalogue| Detector::new(catalogue, Host { os_type: "linux".to_owned() }));
        let layout = Layout::new(READ.map(|text| text.parse::<Series>().expect("a series")).to_vec());
        let cores = Reading::value("system.cpu.logical.count", Attributes::none(), 8.0, Timestamp(START));
        let memory = Reading::value("system.memory.limit", Attributes::none(), 16e9, Timestamp(START));
        let mut on_their_way: Vec<(i64, Sample)> = Vec::new();
        for (minute, (shown, late)) in (1..).zip(&minutes) {
            let now = Timestamp(START + minute * MINUTE);
            let shows = |(series, shown): (usize, &Option<bool>)| {
                shown.map_or(f32::NAN, |bad| at_level(series, if bad { 0.01 } else { 0.9 }))
            };
            let values = shown.iter().enumerate().map(shows).collect();
            let layout_name = layout.fingerprint();
            let sample = Sample { at: now, step_seconds: 60, layout: layout_name, values, absences: Vec::new() };
            on_their_way.push((minute + late, sample));
            for detector in [&mut bounded, &mut endless] {
                for reading in [&cores, &memory] {
                    detector.reading(reading);
                }
                for (_, mark) in turns.iter().filter(|(at, _)| *at == minute) {
                    detector.mark(now, *mark);
                }
                for (_, sample) in on_their_way.iter().filter(|(arrives, _)| *arrives <= minute) {
                    detector.sample(&layout, sample);
                }
            }
            on_their_way.retain(|(arrives, _)| *arrives > minute);
            let moves = |detector: &mut Detector| {
                let moves = detector.evaluate(now).into_iter();
                moves.map(|moved| (moved.check, moved.instance, moved.from, moved.to)).collect::<Vec<_>>()
            };
            prop_assert_eq!(moves(&mut bounded), moves(&mut endless));
        }
        let now = Timestamp(START + minutes.len() as i64 * MINUTE);
        let answer = |detector: &Detector| serde_json::to_string(&detector.findings(now)).expect("plain data");
        prop_assert_eq!(answer(&bounded), answer(&endless));
        prop_assert!(bounded.kept().numbers < endless.kept().numbers);
    }
}
