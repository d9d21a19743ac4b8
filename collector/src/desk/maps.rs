//! The words of the configuration's maps, held against those that an installation really has.
//!
//! A map whose words a desk does not tell, or not to our account, is not judged; it is shown as the configuration has it. Words are alike whatever the size of their
//! letters, and wherever blanks stand in them: `1, 2` is `1,2`.

use serde_json::Value;

use super::document::{DeskWords, MapView, MapWord, MappedWord};
use super::outbox::{Outbox, OutboxError};
use super::trouble::{Trouble, TroubleKind};
use super::values::text;
use crate::config::DeskSettings;

/// Most words of a map that are shown.
const SHOWN: usize = 40;

/// A map of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordMap {
    /// Where tickets are, and where they are handed over to.
    Queues,
    /// Where they stand.
    States,
    /// How urgent they are.
    Priorities,
    /// What they are about.
    Categories,
}

/// Words that an installation has for a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The map.
    pub map: WordMap,
    /// Each word, with what people are shown for it.
    pub words: Vec<(String, String)>,
}

impl WordMap {
    const ALL: [Self; 4] = [Self::Queues, Self::States, Self::Priorities, Self::Categories];

    fn name(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::States => "states",
            Self::Priorities => "priorities",
            Self::Categories => "categories",
        }
    }

    /// The words that the configuration has, each with ours that it stands for; a queue that is looked at stands for none.
    fn configured(self, settings: &DeskSettings) -> Vec<(&str, &str)> {
        let (listed, mapped) = match self {
            Self::Queues => (settings.queues.as_slice(), &settings.escalation_queues),
            Self::States => (&[][..], &settings.states),
            Self::Priorities => (&[][..], &settings.priorities),
            Self::Categories => (&[][..], &settings.categories),
        };
        let listed = listed.iter().map(|word| ("", word.as_str()));
        listed.chain(mapped.iter().map(|(ours, word)| (ours.as_str(), word.as_str()))).collect()
    }

    /// The map as people are shown it.
    fn view(self, settings: &DeskSettings, known: &[Known]) -> MapView {
        let known = known.iter().find(|one| one.map == self && !one.words.is_empty());
        let mapped = |(ours, word): (&str, &str)| MappedWord {
            ours: ours.to_owned(),
            word: word.to_owned(),
            is_there: known.map(|known| known.has(word)),
        };
        let there = known.into_iter().flat_map(|known| &known.words);
        MapView {
            map: self.name().to_owned(),
            configured: self.configured(settings).into_iter().map(mapped).collect(),
            there: there.map(|(word, shown)| MapWord { word: word.clone(), shown: shown.clone() }).collect(),
        }
    }
}

impl Outbox {
    /// The words of a desk's maps, with those that the desk has now.
    ///
    /// # Errors
    /// When there is no such desk, or it cannot be asked.
    pub async fn words(&self, desk: &str) -> Result<DeskWords, OutboxError> {
        if !self.desks().all().iter().any(|one| one.settings.name == desk) {
            return Err(OutboxError::NotFound(format!("desk {desk:?}")));
        }
        let refused = |trouble| OutboxError::Desk(desk.to_owned(), trouble);
        let (settings, way) = self.desks().named(desk).map_err(refused)?;
        let known = way.known().await.map_err(refused)?;
        let maps = WordMap::ALL.into_iter().map(|map| map.view(settings, &known)).collect();
        Ok(DeskWords { desk: desk.to_owned(), kind: settings.kind.name().to_owned(), maps })
    }
}

impl Known {
    /// The words that stand in `field` of rows that are in use.
    pub(super) fn of(map: WordMap, rows: &[Value], field: &str) -> Self {
        let words = rows.iter().filter(|row| row["active"] != false).map(|row| text(&row[field]));
        Self { map, words: words.map(|word| (word.clone(), word)).collect() }
    }

    fn has(&self, wanted: &str) -> bool {
        let plain = |word: &str| word.split_whitespace().collect::<String>().to_lowercase();
        self.words.iter().any(|(word, _)| plain(word) == plain(wanted))
    }

    /// The words, as people are shown them.
    fn told(&self) -> String {
        let shown =
            |(word, shown): &(String, String)| if word == shown { word.clone() } else { format!("{word} ({shown})") };
        let words: Vec<String> = self.words.iter().take(SHOWN).map(shown).collect();
        let more = match self.words.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} there: {}{more}", self.map.name(), words.join(", "))
    }
}

/// The rows of a list; none where the account may not read it, or there is no such list.
pub(super) fn readable(rows: Result<Vec<Value>, Trouble>) -> Result<Vec<Value>, Trouble> {
    match rows {
        Err(trouble) if matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::NotFound) => Ok(Vec::new()),
        rows => rows,
    }
}

/// What an installation has, in words for people.
///
/// # Errors
/// With the words of the configuration that it does not have.
pub(super) fn compared(settings: &DeskSettings, known: &[Known]) -> Result<String, Trouble> {
    let told: Vec<&Known> = known.iter().filter(|one| !one.words.is_empty()).collect();
    let there = told.iter().map(|one| one.told()).collect::<Vec<_>>().join("; ");
    let missing = told.iter().flat_map(|one| {
        let words = one.map.configured(settings).into_iter().filter(|(_, word)| !one.has(word));
        words.map(|(_, word)| format!("{} name {word:?}, which is not there", one.map.name()))
    });
    match missing.collect::<Vec<_>>().as_slice() {
        [] => Ok(there),
        missing => Err(Trouble::refused(format!("{}; {there}", missing.join("; ")))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configured_word_that_is_not_there_is_named_beside_those_that_are() {
        let mut settings = DeskSettings { queues: vec!["users".to_owned()], ..DeskSettings::default() };
        settings.priorities.insert("P1".to_owned(), "1,2".to_owned());
        settings.categories.insert("Storage".to_owned(), "Disk".to_owned());
        let groups = [json!({ "name": "Users" }), json!({ "name": "Gone", "active": false })];
        let pair = Known { map: WordMap::Priorities, words: vec![("1, 2".to_owned(), "High, Medium".to_owned())] };
        let untold = Known { map: WordMap::Categories, words: Vec::new() };
        let known = [Known::of(WordMap::Queues, &groups, "name"), pair, untold];
        let there = "queues there: Users; priorities there: 1, 2 (High, Medium)";
        assert_eq!(compared(&settings, &known).expect("all there"), there);
        settings.escalation_queues.insert("L2".to_owned(), "Gone".to_owned());
        let trouble = compared(&settings, &known).expect_err("not there any more");
        assert_eq!(trouble.said, format!("queues name \"Gone\", which is not there; {there}"));
    }

    #[test]
    fn words_of_the_configuration_stand_beside_those_of_the_desk() {
        let mut settings = DeskSettings { queues: vec!["Users".to_owned()], ..DeskSettings::default() };
        settings.escalation_queues.insert("L2".to_owned(), "Gone".to_owned());
        settings.states.insert("pending".to_owned(), "waiting".to_owned());
        let known = [Known::of(WordMap::Queues, &[json!({ "name": "Users" })], "name")];
        let view = |map: WordMap| map.view(&settings, &known);
        let word =
            |ours: &str, word: &str, is_there| MappedWord { ours: ours.to_owned(), word: word.to_owned(), is_there };
        let queues = view(WordMap::Queues);
        assert_eq!(queues.configured, [word("", "Users", Some(true)), word("L2", "Gone", Some(false))]);
        assert_eq!(queues.there, [MapWord { word: "Users".to_owned(), shown: "Users".to_owned() }]);
        let states = view(WordMap::States);
        assert_eq!((states.configured, states.there), (vec![word("pending", "waiting", None)], Vec::new()), "not told");
    }
}
