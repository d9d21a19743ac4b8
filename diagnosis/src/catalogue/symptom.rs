/// What people say when something is wrong, and what to look at then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// Stable name.
    pub id: String,
    /// As a technician would say it.
    pub label: String,
    /// Beginnings of words, and short phrases, that mean it in tickets.
    pub words: Vec<String>,
    /// Checks, the likeliest first.
    pub candidates: Vec<String>,
    /// Candidates that this version has no check for.
    pub later: Vec<String>,
    /// What to rule out by asking.
    pub rule_out: Vec<String>,
}

impl Symptom {
    /// How many of its words the ticket's text has; a word counts where a word of the text begins with it.
    fn matches(&self, text: &str) -> usize {
        self.words
            .iter()
            .filter(|word| text.contains(&format!(" {}", word.to_lowercase())))
            .map(|word| weight(word))
            .sum()
    }
}

/// A phrase says more than a word.
fn weight(word: &str) -> usize {
    word.split_whitespace().count()
}

/// The symptom that `text` names by id or label, or that its words mean; the earlier one when two fit as well.
pub(super) fn matched<'a>(symptoms: &'a [Symptom], text: &str) -> Option<&'a Symptom> {
    let wanted = text.trim().to_lowercase();
    if let Some(symptom) = symptoms.iter().find(|one| one.id == wanted || one.label.to_lowercase() == wanted) {
        return Some(symptom);
    }
    let text = normalised(text);
    let mut best: Option<(&Symptom, usize)> = None;
    for symptom in symptoms {
        let score = symptom.matches(&text);
        if score > best.map_or(0, |(_, most)| most) {
            best = Some((symptom, score));
        }
    }
    best.map(|(symptom, _)| symptom)
}

/// Lower case, every word after one blank; hyphens and apostrophes belong to words.
fn normalised(text: &str) -> String {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '\'');
    words.filter(|word| !word.is_empty()).fold(String::new(), |all, word| all + " " + word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symptom(id: &str, words: &[&str]) -> Symptom {
        Symptom {
            id: id.to_owned(),
            label: id.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            candidates: Vec::new(),
            later: Vec::new(),
            rule_out: Vec::new(),
        }
    }

    #[test]
    fn words_of_tickets_find_their_symptom() {
        let symptoms = [
            symptom("slow", &["slow", "freez"]),
            symptom("no-internet", &["internet", "no connection"]),
            symptom("wifi", &["wi-fi"]),
        ];
        let id = |text: &str| matched(&symptoms, text).map(|symptom| symptom.id.clone());
        assert_eq!(id("My computer is SLOW and freezes!").as_deref(), Some("slow"));
        assert_eq!(id("slow, no connection").as_deref(), Some("no-internet"));
        assert_eq!(id("Wi-Fi drops").as_deref(), Some("wifi"));
        assert_eq!(id("no-internet").as_deref(), Some("no-internet"));
        assert_eq!(id("coffee machine broken"), None);
        assert_eq!(id("unslowed"), None);
    }
}
