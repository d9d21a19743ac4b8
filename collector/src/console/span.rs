//! How far back the charts of an endpoint reach.

use std::time::Duration;

use serde::Deserialize;

const DAY: Duration = Duration::from_hours(24);

/// A choice of the page; in the address as `?span=7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Span {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
    #[serde(rename = "13m")]
    Year,
}

/// What an address may say.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct SpanQuery {
    #[serde(default)]
    pub(super) span: Span,
}

/// A link of the page.
pub(super) struct SpanView {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

impl Span {
    const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// All of them as links, this one chosen.
    pub(super) fn views(self) -> Vec<SpanView> {
        let view = |one: Self| SpanView { name: one.name(), label: one.label(), is_chosen: one == self };
        Self::ALL.into_iter().map(view).collect()
    }

    /// As in the address.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Year => "13m",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Year => "13 months",
        }
    }

    /// In a sentence: `in the last 24 hours`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Hour => "last hour",
            Self::Day => "last 24 hours",
            Self::Week => "last 7 days",
            Self::Month => "last 30 days",
            Self::Year => "last 13 months",
        }
    }

    /// How long it is.
    pub(super) fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
            Self::Year => 396 * DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_each_of_them_and_a_day_without() {
        for span in Span::ALL {
            let read: Span = serde_json::from_value(span.name().into()).expect("a name of the list");
            assert_eq!(read, span);
        }
        assert_eq!(serde_json::from_str::<SpanQuery>("{}").expect("nothing").span, Span::Day);
        assert!(serde_json::from_str::<SpanQuery>(r#"{"span": "2h"}"#).is_err());
    }
}
