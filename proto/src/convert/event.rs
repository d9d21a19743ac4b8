use firstline_diagnosis::vocabulary::{Event, Series, Timestamp, Value};

use super::BadField;
use super::bounds::{at_most, present, some_chars};
use crate::v1;

impl From<Event> for v1::Event {
    /// The moment is not part of the message: the record that carries it says when.
    fn from(event: Event) -> Self {
        Self {
            series: Some(event.series.into()),
            fields: event.fields.into_iter().map(|(name, value)| (name, value.into())).collect(),
            count: event.count.max(1),
        }
    }
}

/// The event that a record of the moment `at` carries.
pub(crate) fn event(message: v1::Event, at: Timestamp) -> Result<Event, BadField> {
    let series = Series::try_from(present("series", message.series)?).map_err(|bad| bad.within("series"))?;
    at_most("fields", message.fields.len(), 32)?;
    let mut fields = std::collections::BTreeMap::new();
    for (name, value) in message.fields {
        some_chars("fields", &name, 128)?;
        fields.insert(name, Value::try_from(value).map_err(|bad| bad.within("fields"))?);
    }
    if message.count == 0 {
        return Err(BadField::new("count", "is 0, at least 1 is expected"));
    }
    Ok(Event { series, at, fields, count: message.count })
}
