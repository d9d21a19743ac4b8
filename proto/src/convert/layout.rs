use firstline_diagnosis::vocabulary::{Layout, Series};

use super::BadField;
use super::bounds::at_most;
use crate::v1;

/// The most series of a layout.
pub(crate) const SERIES_MAX: usize = 4096;

impl From<&Layout> for v1::Layout {
    fn from(layout: &Layout) -> Self {
        Self {
            fingerprint: layout.fingerprint(),
            series: layout.series().iter().cloned().map(v1::Series::from).collect(),
        }
    }
}

impl TryFrom<v1::Layout> for Layout {
    type Error = BadField;

    fn try_from(layout: v1::Layout) -> Result<Self, BadField> {
        at_most("series", layout.series.len(), SERIES_MAX)?;
        let series: Vec<Series> = layout
            .series
            .into_iter()
            .map(Series::try_from)
            .collect::<Result<_, _>>()
            .map_err(|bad| bad.within("series"))?;
        let ours = Self::new(series);
        if ours.fingerprint() != layout.fingerprint {
            return Err(BadField::new("fingerprint", "does not belong to these series"));
        }
        Ok(ours)
    }
}

/// What differs between two layouts; nothing when that is all of it.
pub fn difference(base: &v1::Layout, layout: &v1::Layout) -> Option<v1::LayoutChange> {
    let (mut removed, mut stays) = (Vec::new(), 0);
    for (place, series) in (0..).zip(&base.series) {
        if layout.series.get(stays) == Some(series) {
            stays += 1;
        } else {
            removed.push(place);
        }
    }
    let added = layout.series[stays..].to_vec();
    let (fingerprint, base_fingerprint) = (layout.fingerprint, base.fingerprint);
    (stays > 0).then_some(v1::LayoutChange { fingerprint, base_fingerprint, removed, added })
}

/// The layout that a change makes of `base`, which must be the one that it names.
pub fn apply(base: &Layout, change: v1::LayoutChange) -> Result<Layout, BadField> {
    if base.fingerprint() != change.base_fingerprint {
        return Err(BadField::new("base_fingerprint", "is that of another layout"));
    }
    let length = base.series().len();
    if change.removed.windows(2).any(|pair| pair[0] >= pair[1])
        || change.removed.last().is_some_and(|last| *last as usize >= length)
    {
        return Err(BadField::new("removed", "does not ascend within the layout"));
    }
    at_most("added", length - change.removed.len() + change.added.len(), SERIES_MAX)?;
    let mut removed = change.removed.iter().map(|place| *place as usize).peekable();
    let stays = base.series().iter().enumerate().filter(|(place, _)| removed.next_if_eq(place).is_none());
    let mut series: Vec<Series> = stays.map(|(_, series)| series.clone()).collect();
    for added in change.added {
        series.push(Series::try_from(added).map_err(|bad| bad.within("added"))?);
    }
    let ours = Layout::new(series);
    if ours.fingerprint() != change.fingerprint {
        return Err(BadField::new("fingerprint", "does not belong to these series"));
    }
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(places: &[u8]) -> Layout {
        let series = |place: &u8| Series::new("a.b", [("c", place.to_string().as_str())]);
        Layout::new(places.iter().map(series).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn a_difference_makes_the_layout_again(
            base in prop::collection::vec(0u8..40, 0..30),
            next in prop::collection::vec(0u8..40, 0..30),
        ) {
            let (base, next) = (layout(&base), layout(&next));
            if let Some(change) = difference(&(&base).into(), &(&next).into()) {
                prop_assert_eq!(apply(&base, change), Ok(next));
            }
        }

        #[test]
        fn any_change_is_applied_or_refused(
            removed in prop::collection::vec(0u32..12, 0..12),
            added in prop::collection::vec("[a-z]{0,3}", 0..4),
            fingerprint in any::<u64>(),
        ) {
            let base = layout(&[1, 2, 3, 4, 5, 6]);
            let added = added.into_iter().map(|signal| v1::Series { signal, ..v1::Series::default() }).collect();
            let change = v1::LayoutChange { fingerprint, base_fingerprint: base.fingerprint(), removed, added };
            prop_assert!(apply(&base, change).is_err(), "nobody guesses a fingerprint");
        }
    }

    #[test]
    fn one_more_program_costs_its_own_series_only() {
        let (base, next) = (layout(&[1, 2, 3, 4]), layout(&[1, 3, 4, 9]));
        let change = difference(&(&base).into(), &(&next).into()).expect("most of it stays");
        assert_eq!((change.removed.as_slice(), change.added.len()), (&[1][..], 1));
        assert_eq!(difference(&(&base).into(), &(&layout(&[7])).into()), None, "nothing stays");
        let other = layout(&[1, 2, 3]);
        assert_eq!(apply(&other, change).expect_err("another base").field, "base_fingerprint");
    }

    #[test]
    fn a_change_cannot_make_a_layout_too_long() {
        let base = layout(&[1]);
        let added = vec![v1::Series { signal: "a".into(), ..v1::Series::default() }; SERIES_MAX];
        let change = v1::LayoutChange { base_fingerprint: base.fingerprint(), added, ..v1::LayoutChange::default() };
        assert_eq!(apply(&base, change).expect_err("too long").field, "added");
    }

    #[test]
    fn refuses_a_layout_under_a_false_name() {
        let mut layout = v1::Layout::from(&Layout::new(vec![Series::new("a.b", [("c", "d")])]));
        assert!(Layout::try_from(layout.clone()).is_ok());
        layout.fingerprint ^= 1;
        assert_eq!(Layout::try_from(layout).expect_err("false name").field, "fingerprint");
    }

    #[test]
    fn says_which_field_of_which_series_is_wrong() {
        let bad = v1::Layout { fingerprint: 0, series: vec![v1::Series::default()] };
        assert_eq!(Layout::try_from(bad).expect_err("empty").to_string(), "series.signal: is empty");
    }
}
