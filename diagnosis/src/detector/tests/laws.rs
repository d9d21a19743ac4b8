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
