use firstline_diagnosis::vocabulary::{Unknown, Why};

use super::BadField;
use super::bounds::at_most_chars;
use crate::v1;

impl From<Why> for v1::WhyKind {
    fn from(why: Why) -> Self {
        match why {
            Why::Unsupported => Self::Unsupported,
            Why::NotPresent => Self::NotPresent,
            Why::NoPermission => Self::NoPermission,
            Why::ConsentDenied => Self::ConsentDenied,
            Why::Timeout => Self::Timeout,
            Why::Failed => Self::Failed,
            Why::Asleep => Self::Asleep,
            Why::AgentLimit => Self::AgentLimit,
        }
    }
}

impl TryFrom<v1::WhyKind> for Why {
    type Error = BadField;

    fn try_from(kind: v1::WhyKind) -> Result<Self, BadField> {
        Ok(match kind {
            v1::WhyKind::Unspecified => return Err(BadField::new("why", "is not said")),
            v1::WhyKind::Unsupported => Self::Unsupported,
            v1::WhyKind::NotPresent => Self::NotPresent,
            v1::WhyKind::NoPermission => Self::NoPermission,
            v1::WhyKind::ConsentDenied => Self::ConsentDenied,
            v1::WhyKind::Timeout => Self::Timeout,
            v1::WhyKind::Failed => Self::Failed,
            v1::WhyKind::Asleep => Self::Asleep,
            v1::WhyKind::AgentLimit => Self::AgentLimit,
        })
    }
}

/// The reason that a field's number stands for.
pub(crate) fn why(number: i32) -> Result<Why, BadField> {
    v1::WhyKind::try_from(number)
        .map_err(|_| BadField::new("why", format!("{number} is not a known reason")))
        .and_then(Why::try_from)
}

/// The most characters of a detail.
const DETAIL_CHARS_MAX: usize = 256;

impl From<Unknown> for v1::Unknown {
    fn from(unknown: Unknown) -> Self {
        let detail = match unknown.detail.char_indices().nth(DETAIL_CHARS_MAX) {
            Some((end, _)) => unknown.detail[..end].to_owned(),
            None => unknown.detail,
        };
        Self { why: v1::WhyKind::from(unknown.why).into(), detail }
    }
}

impl TryFrom<v1::Unknown> for Unknown {
    type Error = BadField;

    fn try_from(unknown: v1::Unknown) -> Result<Self, BadField> {
        at_most_chars("detail", &unknown.detail, DETAIL_CHARS_MAX)?;
        Ok(Self::new(why(unknown.why)?, unknown.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back() {
        for reason in Why::ALL {
            assert_eq!(why(v1::WhyKind::from(reason).into()), Ok(reason));
        }
        assert!(why(0).is_err());
        assert!(why(99).is_err());
    }

    #[test]
    fn cuts_a_detail_that_is_too_long_on_the_way_out() {
        let out = v1::Unknown::from(Unknown::new(Why::Failed, "ä".repeat(300)));
        assert!(Unknown::try_from(out).is_ok_and(|unknown| unknown.detail.chars().count() == 256));
    }
}
