//! Ranges as people say them: never more exact than they are.

/// What lies further ahead is said to be a long way off.
pub(super) const FAR_SECONDS: f64 = 3650.0 * 86_400.0;

/// Units with their seconds, the longest first; a range is told in the first of which its end has two.
const UNITS: [(f64, &str); 5] =
    [(30.44 * 86_400.0, "month"), (7.0 * 86_400.0, "week"), (86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")];

/// `in about 4 to 6 days`, `in about 5 days`, `in 4 days at the earliest`. Seconds; an end that is far away is none.
pub(super) fn ahead(soonest: f64, latest: f64) -> String {
    let is_open = !latest.is_finite() || latest >= FAR_SECONDS || latest > 20.0 * soonest.max(1.0);
    let longest = if is_open { soonest } else { latest };
    if longest < 60.0 {
        return "within a minute".to_owned();
    }
    if soonest >= FAR_SECONDS {
        return "not in the years to come".to_owned();
    }
    let (seconds, unit) = UNITS.into_iter().find(|(seconds, _)| longest >= 2.0 * seconds).unwrap_or((60.0, "minute"));
    // What is many of a unit is told in fives: nobody knows it better.
    let step = if longest >= 20.0 * seconds { 5.0 } else { 1.0 };
    let low = ((soonest / seconds / step).floor() * step).max(0.0);
    if is_open {
        return format!("in {} at the earliest", counted(low.max(1.0), unit));
    }
    let high = (latest / seconds / step).ceil() * step;
    if low < 1.0 {
        return format!("within {}", counted(high, unit));
    }
    if high - low <= 1.0 && low >= 10.0 || low >= high {
        return format!("in about {}", counted(high, unit));
    }
    format!("in about {low:.0} to {}", counted(high, unit))
}

/// `1 day`, `3 days`.
pub(super) fn counted(count: f64, unit: &str) -> String {
    format!("{count:.0} {unit}{}", if count == 1.0 { "" } else { "s" })
}

/// A time as one number of its unit: `20 minutes`, `4 hours`, `12 days`.
pub(super) fn span(seconds: f64) -> String {
    let (length, unit) =
        UNITS[2..].iter().copied().find(|(length, _)| seconds >= 2.0 * length).unwrap_or((60.0, "minute"));
    counted((seconds / length).floor(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 86_400.0;

    #[test]
    fn a_range_is_told_in_words_and_never_as_a_date() {
        for (soonest, latest, words) in [
            (4.2 * DAY, 5.9 * DAY, "in about 4 to 6 days"),
            (4.0 * DAY, 4.0 * DAY, "in about 4 days"),
            (0.5 * DAY, 3.0 * DAY, "within 3 days"),
            (5.0 * 3600.0, 9.5 * 3600.0, "in about 5 to 10 hours"),
            (20.0 * 60.0, 45.0 * 60.0, "in about 20 to 45 minutes"),
            (117.0 * 60.0, 118.0 * 60.0, "in about 115 to 120 minutes"),
            (4.0 * DAY, f64::INFINITY, "in 4 days at the earliest"),
            (20.0 * DAY, 40.0 * DAY, "in about 2 to 6 weeks"),
            (100.0 * DAY, 200.0 * DAY, "in about 3 to 7 months"),
            (FAR_SECONDS, FAR_SECONDS, "not in the years to come"),
            (5.0, 30.0, "within a minute"),
        ] {
            assert_eq!(ahead(soonest, latest), words);
        }
    }

    #[test]
    fn a_span_has_one_unit() {
        assert_eq!(
            (span(3.5 * DAY), span(7300.0), span(90.0)),
            ("3 days".to_owned(), "2 hours".to_owned(), "1 minute".to_owned())
        );
    }
}
