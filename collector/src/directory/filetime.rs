//! Moments and spans as Active Directory writes them: counts of 100 ns, moments since 1601, spans below zero.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

/// Milliseconds from 1601 to 1970.
const EPOCH_MS: i64 = 11_644_473_600_000;
/// Counts in a millisecond.
const PER_MS: i64 = 10_000;
/// The end of the year 9999.
const LAST: i64 = 2_650_467_743_999_999_999;

/// A moment, where the attribute says what 0 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// 0, or what was never a moment.
    Zero,
    /// The largest number, and all that is after the year 9999.
    Never,
    /// A moment.
    At(Timestamp),
}

/// What a moment's count means.
pub(super) fn moment(count: i64) -> Moment {
    match count {
        ..=0 => Moment::Zero,
        LAST.. => Moment::Never,
        _ => Moment::At(Timestamp(count / PER_MS - EPOCH_MS)),
    }
}

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Without end.
    Endless,
    /// So long.
    For(Duration),
}

/// What a span's count means.
pub(super) fn span(count: i64) -> Span {
    match count {
        0 | i64::MIN => Span::Endless,
        _ => Span::For(Duration::from_millis(count.unsigned_abs() / PER_MS.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_since_1601_are_moments() {
        assert_eq!(moment(134_129_460_300_000_000), Moment::At(Timestamp(1_768_472_430_000)));
        assert_eq!(moment(116_444_736_000_000_000), Moment::At(Timestamp(0)));
        assert_eq!(moment(0), Moment::Zero);
        assert_eq!(moment(i64::MAX), Moment::Never);
        assert_eq!(moment(LAST - 1), Moment::At(Timestamp(253_402_300_799_999)));
        assert_eq!(moment(i64::MIN), Moment::Zero, "odd, and no panic");
    }

    #[test]
    fn counts_below_zero_are_spans() {
        assert_eq!(span(-12_000_000_000), Span::For(Duration::from_mins(20)));
        assert_eq!(span(-36_288_000_000_000), Span::For(Duration::from_hours(42 * 24)));
        assert_eq!(span(i64::MIN), Span::Endless);
        assert_eq!(span(0), Span::Endless, "no limit was set");
    }
}
