use super::scrub;
use crate::order;
use crate::vocabulary::{Event, Reading, Series, Value};

/// The most characters of a text that leaves.
const TEXT_CHARS_MAX: usize = 1024;
/// The most characters of a text in an event.
const FIELD_CHARS_MAX: usize = 64;
/// The most characters of an attribute and of a detail.
const ATTRIBUTE_CHARS_MAX: usize = 256;

/// The reading with its texts scrubbed and cut to their lengths.
pub fn plain_reading(mut reading: Reading) -> Reading {
    plain_series(&mut reading.series);
    match &mut reading.outcome {
        Ok(Value::Text(text)) => *text = scrub(text, TEXT_CHARS_MAX),
        Ok(_) => {}
        Err(unknown) => unknown.detail = scrub(&unknown.detail, ATTRIBUTE_CHARS_MAX),
    }
    reading
}

/// The event with its texts scrubbed and cut to their lengths.
pub fn plain_event(mut event: Event) -> Event {
    plain_series(&mut event.series);
    for value in event.fields.values_mut() {
        if let Value::Text(text) = value {
            *text = scrub(text, FIELD_CHARS_MAX);
        }
    }
    event
}

fn plain_series(series: &mut Series) {
    let scrubbed = series.attributes.iter().map(|(name, value)| (name.to_owned(), scrub(value, ATTRIBUTE_CHARS_MAX)));
    series.attributes = order::map(scrubbed).into();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::registry::{Registry, SignalKind};
    use crate::vocabulary::{Timestamp, Unknown, Why};

    /// What nobody may ever find in anything that left a machine, in the texts that people's machines have.
    const CANARIES: [&str; 14] = [
        "--password=hunter2-canary",
        "https://ann:hunter2-canary@proxy.corp/",
        "Authorization: Bearer hunter2-canary",
        "Pwd=hunter2-canary;",
        "mail hunter2-canary@example.com",
        "eyJhbGciOiJIUzI1NiJ9.hunter2-canary.c2lnbmF0dXJl",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefABCDEF",
        "d41d8cd98f00b204e9800998ecf8427e",
        "dGhpc0lzQVNlY3JldDEyMzQ1Njc4OTA",
        "iban 370400440532013000",
        "/home/hunter2-canary/Documents/divorce-canary.odt",
        "C:\\Users\\hunter2-canary\\divorce-canary.docx",
        "02:fc:00:12:34:56",
    ];

    /// The parts of the canaries that must be gone.
    const SONGS: [&str; 8] =
        ["canary", "IOSFODNN7", "0123456789abcdef", "d41d8cd98f", "dGhpc0lz", "370400440", "12:34:56", "hunter2"];

    fn sings(text: &str) -> Option<&'static str> {
        SONGS.into_iter().find(|song| text.contains(song))
    }

    #[test]
    fn no_canary_leaves_in_any_signal() {
        for spec in Registry::builtin().iter().filter(|spec| spec.kind != SignalKind::Event) {
            for canary in CANARIES {
                let attributes: BTreeMap<_, _> =
                    spec.attributes.iter().map(|name| (name.clone(), canary.to_owned())).collect();
                let said = Reading::value(&spec.name, attributes, canary, Timestamp(0));
                let why = Unknown::new(Why::Failed, format!("reading {canary} failed"));
                let refused = Reading { outcome: Err(why), ..said.clone() };
                for reading in [plain_reading(said), plain_reading(refused)] {
                    let text = format!("{} {:?}", reading.series, reading.outcome);
                    assert_eq!(sings(&text), None, "{text}");
                }
            }
        }
    }

    #[test]
    fn no_canary_leaves_in_any_event() {
        for spec in Registry::builtin().iter().filter(|spec| spec.kind == SignalKind::Event) {
            for canary in CANARIES {
                let attributes: BTreeMap<_, _> =
                    spec.attributes.iter().map(|name| (name.clone(), canary.to_owned())).collect();
                let fields = spec.fields.iter().map(|field| (field.clone(), Value::from(canary))).collect();
                let series = Series::new(&spec.name, attributes);
                let event = plain_event(Event { series, at: Timestamp(0), fields, count: 1 });
                let text = format!("{} {:?}", event.series, event.fields);
                assert_eq!(sings(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_after_it_was_scrubbed() {
        let text = format!("{} token=hunter2", "x".repeat(FIELD_CHARS_MAX - 9));
        let fields = BTreeMap::from([("what".to_owned(), Value::from(text.as_str()))]);
        let event = plain_event(Event { series: Series::new("a", []), at: Timestamp(0), fields, count: 1 });
        assert!(matches!(&event.fields["what"], Value::Text(text) if text.chars().count() == FIELD_CHARS_MAX
            && !text.contains("hunter")));
    }
}
