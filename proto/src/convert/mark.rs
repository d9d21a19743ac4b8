use firstline_diagnosis::vocabulary::Mark;

use super::BadField;
use crate::v1;

impl From<Mark> for v1::MarkKind {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Booted => Self::Booted,
            Mark::Pausing => Self::Pausing,
            Mark::Resumed => Self::Resumed,
            Mark::NetworkChanged => Self::NetworkChanged,
        }
    }
}

impl From<Mark> for v1::Mark {
    fn from(mark: Mark) -> Self {
        Self { kind: v1::MarkKind::from(mark).into() }
    }
}

impl TryFrom<v1::MarkKind> for Mark {
    type Error = BadField;

    fn try_from(kind: v1::MarkKind) -> Result<Self, BadField> {
        Ok(match kind {
            v1::MarkKind::Unspecified => return Err(BadField::new("kind", "is not said")),
            v1::MarkKind::Booted => Self::Booted,
            v1::MarkKind::Pausing => Self::Pausing,
            v1::MarkKind::Resumed => Self::Resumed,
            v1::MarkKind::NetworkChanged => Self::NetworkChanged,
        })
    }
}

impl TryFrom<v1::Mark> for Mark {
    type Error = BadField;

    fn try_from(mark: v1::Mark) -> Result<Self, BadField> {
        v1::MarkKind::try_from(mark.kind)
            .map_err(|_| BadField::new("kind", format!("{} is not a known mark", mark.kind)))
            .and_then(Self::try_from)
    }
}
