/// What people say when something is wrong, and what to look at then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// Stable name.
    pub id: String,
    /// As a technician would say it.
    pub label: String,
    /// Words of tickets that mean it; a beginning of a word is enough.
    pub words: Vec<String>,
    /// Checks, the likeliest first.
    pub candidates: Vec<String>,
    /// Candidates that this version has no check for.
    pub later: Vec<String>,
    /// What to rule out by asking.
    pub rule_out: Vec<String>,
}
