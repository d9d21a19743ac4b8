use super::quantity;
use crate::registry::Registry;
use crate::vocabulary::{Event, Value};

/// What happened, in one line: `A program crashed: calc (module libm.so.6, signal SIGSEGV), 3 times`.
pub fn event_words(event: &Event) -> String {
    let spec = Registry::builtin().get(&event.series.signal);
    let mut line = spec.map_or_else(|| event.series.signal.to_string(), |spec| spec.label.clone());
    let of: Vec<&str> = event.series.attributes.iter().map(|(_, value)| value).collect();
    if !of.is_empty() {
        line = format!("{line}: {}", of.join(", "));
    }
    let fields: Vec<String> = event.fields.iter().filter_map(|(name, value)| field(name, value)).collect();
    if !fields.is_empty() {
        line = format!("{line} ({})", fields.join(", "));
    }
    if event.count > 1 { format!("{line}, {} times", event.count) } else { line }
}

/// `seconds 31` in words is `31 s`; what is not so is not said, and what is, by its name alone.
fn field(name: &str, value: &Value) -> Option<String> {
    let words = name.replace('_', " ");
    match value {
        Value::Flag(true) => Some(words),
        Value::Flag(false) => (name == "ok").then(|| "failed".to_owned()),
        Value::Number(number) if name == "seconds" => Some(quantity(*number, "s")),
        Value::Number(number) => Some(format!("{words} {number}")),
        Value::Text(text) => Some(format!("{words} {text}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::vocabulary::{Series, Timestamp};

    fn event(signal: &str, attributes: &[(&str, &str)], fields: &[(&str, Value)], count: u32) -> Event {
        let attributes: BTreeMap<String, String> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Event { series: Series::new(signal, attributes), at: Timestamp(0), fields, count }
    }

    #[test]
    fn says_what_happened_to_what_how_and_how_often() {
        let crash = event(
            "endpoint.app.crash",
            &[("process.executable.name", "calc")],
            &[("signal", Value::Text("SIGSEGV".into())), ("module", Value::Text("libm.so.6".into()))],
            3,
        );
        assert_eq!(event_words(&crash), "A program crashed: calc (module libm.so.6, signal SIGSEGV), 3 times");
        let drop =
            event("endpoint.vpn.drop", &[], &[("seconds", Value::Number(31.0)), ("planned", Value::Flag(false))], 1);
        assert_eq!(event_words(&drop), "The VPN was interrupted (31 s)");
        assert_eq!(event_words(&event("endpoint.unheard.of", &[], &[], 1)), "endpoint.unheard.of");
    }
}
