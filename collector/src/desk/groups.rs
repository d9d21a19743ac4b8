//! Groups, which people know by name and some desks by number.

use serde_json::Value;

use super::trouble::Trouble;
use super::values::text;

/// The groups of a desk, as it lists them: each with `id` and `name`.
#[derive(Debug, Default)]
pub(super) struct Groups(pub(super) Vec<Value>);

impl Groups {
    /// The number of the group called `name`.
    pub(super) fn number(&self, name: &str) -> Result<&Value, Trouble> {
        let found = self.0.iter().find(|group| group["name"] == name).map(|group| &group["id"]);
        found.ok_or_else(|| {
            let known: Vec<String> = self.0.iter().map(|group| text(&group["name"])).collect();
            Trouble::refused(format!("there is no group {name:?} that its user sees; there are: {}", known.join(", ")))
        })
    }

    /// What the group with this number is called; empty without one.
    pub(super) fn name(&self, number: &Value) -> String {
        self.0.iter().find(|group| group["id"] == *number).map(|group| text(&group["name"])).unwrap_or_default()
    }

    /// That the groups that the administrator names are there, in lines for people.
    pub(super) fn seen(&self, queues: &[String]) -> Result<Vec<String>, Trouble> {
        queues.iter().map(|queue| self.number(queue).map(|_| format!("group {queue} is seen"))).collect()
    }
}
