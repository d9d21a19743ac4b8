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

#[cfg(test)]
mod tests {
    use super::*;

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
