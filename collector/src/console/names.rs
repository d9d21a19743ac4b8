//! Machines of one name told apart where only their name and id are known, as in alerts: where a name stands for several
//! endpoints, the letters stand beside it that lists, commands and the search know them by.

use std::collections::BTreeSet;

use crate::api::problem::Problem;
use crate::app::App;
use crate::fleet::short;

/// The names that several endpoints have, in small letters.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// As they are now.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn read(app: &App) -> Result<Self, Problem> {
        Ok(Self(app.fleet.shared_names().await?))
    }

    /// What tells this endpoint from the others of its name: the end of its id; empty when it has the name alone.
    pub(super) fn telling(&self, name: &str, id: &str) -> String {
        if !self.0.contains(&name.to_lowercase()) {
            return String::new();
        }
        short(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_several_have_needs_more() {
        let names = Names(["laptop".to_owned()].into());
        assert_eq!(names.telling("Laptop", "01a2041c-401f-7197-ad64-4cff6801b2eb"), "6801b2eb");
        assert_eq!(names.telling("BER-7", "01a2041c-401f-7197-ad64-4cff6801b2eb"), "");
    }
}
