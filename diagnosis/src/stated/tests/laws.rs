//! What holds for any text.

use proptest::prelude::*;

use super::*;

/// Texts out of what times, and what looks like them, are made of.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "10",
        "9",
        "40",
        "15",
        "0",
        "00",
        "24",
        "2026",
        "11",
        "21",
        "1",
        "31",
        "99999",
        ":",
        ".",
        "-",
        "/",
        ",",
        " ",
        " ",
        " ",
        "\n\n",
        "T",
        "Z",
        "+",
        "at",
        "about",
        "since",
        "between",
        "and",
        "from",
        "to",
        "am",
        "pm",
        "a.m.",
        "Uhr",
        "h",
        "o'clock",
        "half",
        "past",
        "quarter",
        "ten",
        "an",
        "hour",
        "hours",
        "minutes",
        "days",
        "ago",
        "yesterday",
        "tonight",
        "last",
        "night",
        "this",
        "morning",
        "Monday",
        "Nov",
        "May",
        "noon",
        "midnight",
        "froze",
        "meeting",
        "is",
        "%",
        "~",
        "’",
        "é",
        "٣",
        "\u{a0}",
        "UTC",
        "wrote",
        "in",
        "the",
        "ish",
        "10:40",
        "2026-11-21",
        "9:15",
        "st",
    ]);
    prop_oneof![3 => prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat()), 1 => any::<String>()]
}

/// Moments of our days mostly, or any.
fn moments() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 1_790_000_000_000..1_800_000_000_000_i64, 1 => any::<i64>()].prop_map(Timestamp)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_stated_has_been_and_not_long_ago(text in texts(), told_at in moments(), offset: i32, is_near: bool) {
        let offset = if is_near { offset % (14 * HOUR) } else { offset };
        if let Some(stated) = stated(&text, told_at, offset) {
            prop_assert!(stated.at <= told_at, "{stated:?}");
            prop_assert!(stated.at >= told_at - Duration::from_secs(DAYS_MAX * 86_400), "{stated:?}");
            prop_assert!((300..=3600).contains(&stated.give_seconds), "{stated:?}");
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert!(!stated.words.is_empty() && line.contains(&stated.words), "{stated:?}");
        }
        if let Ok(at) = typed(&text, told_at, offset) {
            prop_assert!(at <= told_at, "{at}");
        }
    }
}
