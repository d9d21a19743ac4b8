//! How tickets of the built-in desk end.

use serde::{Deserialize, Serialize};

/// How a ticket of the built-in desk ended: what whoever closes it says of its diagnosis or alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ClosingCode {
    /// It was as diagnosed, and is solved.
    Solved,
    /// It is as diagnosed, and stays so.
    Accepted,
    /// It was something else.
    Otherwise,
    /// Nothing was wrong.
    Nothing,
    /// Another ticket has it.
    Duplicate,
}

impl ClosingCode {
    /// Every code.
    pub const ALL: [Self; 5] = [Self::Solved, Self::Accepted, Self::Otherwise, Self::Nothing, Self::Duplicate];

    /// The word in documents, tables and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Accepted => "accepted",
            Self::Otherwise => "otherwise",
            Self::Nothing => "nothing",
            Self::Duplicate => "duplicate",
        }
    }

    /// What it means, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Solved => "Solved, and it was as diagnosed",
            Self::Accepted => "As diagnosed, and left as it is",
            Self::Otherwise => "Solved, and it was something else",
            Self::Nothing => "Nothing was wrong",
            Self::Duplicate => "Another ticket has it",
        }
    }

    /// The code with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Whether the check that answered, or fired, was of use.
    pub fn was_useful(self) -> bool {
        matches!(self, Self::Solved | Self::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_code_has_one_word_everywhere() {
        for code in ClosingCode::ALL {
            assert_eq!(ClosingCode::from_name(code.name()), Some(code));
            assert_eq!(serde_json::to_value(code).expect("JSON"), code.name());
            assert_eq!(code.to_possible_value().expect("a value").get_name(), code.name());
        }
        assert_eq!(ClosingCode::from_name(""), None);
    }
}
