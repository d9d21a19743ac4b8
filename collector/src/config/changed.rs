//! What one configuration says otherwise than another, by the names of the keys.

use serde_json::{Map, Value};

use super::Config;

/// What a running collector takes over when the file is read again.
const LIVE: [&str; 2] = ["agents", "tags"];

impl Config {
    /// Keys that `read` sets otherwise and that come into force with a restart, as in `limits.streams`.
    pub fn needing_restart(&self, read: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        for (section, values) in object(self) {
            let other = object(read).remove(&section).unwrap_or_default();
            if !LIVE.contains(&section.as_str()) {
                differing(&section, &values, &other, &mut keys);
            }
        }
        keys
    }
}

fn object(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(sections)) => sections,
        other => unreachable!("a configuration is a table of sections: {other:?}"),
    }
}

/// The keys below `name` that differ; lists are one key each.
fn differing(name: &str, one: &Value, other: &Value, keys: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(ones), Value::Object(others)) => {
            for (key, value) in ones {
                differing(&format!("{name}.{key}"), value, others.get(key).unwrap_or(&Value::Null), keys);
            }
        }
        _ if one != other => keys.push(name.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_keys_that_need_a_restart_and_no_others() {
        let parse = |text: &str| Config::parse(text).expect("right");
        let running = parse("[limits]\nstreams = 100\n[agents]\nfast_period_seconds = 15");
        let same = "[agents]\nfast_period_seconds = 30\n[[tags.rules]]\nname = \"a\"\ntags = { a = \"b\" }\nmodels = [\"c\"]\n";
        assert_eq!(running.needing_restart(&parse(&format!("{same}[limits]\nstreams = 100"))), [""; 0]);
        let read =
            parse("[limits]\nstreams = 200\n[listen]\npeople = \"0.0.0.0:443\"\n[[alerts.tickets]]\nqueue = \"a\"");
        assert_eq!(running.needing_restart(&read), ["alerts.tickets", "limits.streams", "listen.people"]);
        assert_eq!(running.needing_restart(&running), [""; 0]);
    }
}
