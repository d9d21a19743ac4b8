use serde::{Deserialize, Serialize};

/// How diagnoses are ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Diagnosis {
    /// Whether the candidates of a symptom stand in the order that closed tickets showed, else in the catalogue's.
    pub reorder_symptoms: bool,
}

impl Default for Diagnosis {
    fn default() -> Self {
        Self { reorder_symptoms: true }
    }
}
