use thiserror::Error;

/// A message's field that does not keep the bound its comment states.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub struct BadField {
    /// Path of the field within the message: `sample.row`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl BadField {
    /// `field` has `problem`.
    pub(crate) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// The same, seen from the message that holds this one as `field`.
    pub(crate) fn within(self, field: &str) -> Self {
        Self { field: format!("{field}.{}", self.field), problem: self.problem }
    }
}

/// Refuses more than `most` characters.
pub(crate) fn at_most_chars(field: &str, text: &str, most: usize) -> Result<(), BadField> {
    // Counting stops early: a text of a megabyte is refused after `most` characters.
    match text.chars().nth(most) {
        Some(_) => Err(BadField::new(field, format!("is longer than {most} characters"))),
        None => Ok(()),
    }
}

/// Refuses an empty text, and more than `most` characters.
pub(crate) fn some_chars(field: &str, text: &str, most: usize) -> Result<(), BadField> {
    if text.is_empty() {
        return Err(BadField::new(field, "is empty"));
    }
    at_most_chars(field, text, most)
}

/// Refuses more than `most` of something.
pub(crate) fn at_most(field: &str, count: usize, most: usize) -> Result<(), BadField> {
    if count > most {
        return Err(BadField::new(field, format!("has {count} entries, at most {most} are allowed")));
    }
    Ok(())
}

/// What a oneof or sub-message holds; refuses its absence.
pub(crate) fn present<T>(field: &str, value: Option<T>) -> Result<T, BadField> {
    value.ok_or_else(|| BadField::new(field, "is missing"))
}
