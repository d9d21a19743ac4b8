//! Habits of this repository that a compiler does not see.

mod documents;
mod generated;
mod source;

use source::{Source, sources};

/// A file longer than this hides a noun.
const LINES_MAX: usize = 500;

/// Fails with one line for each offence, so that all of them can be mended at once.
fn none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// `path:line: text` of each line that `offends`.
fn lines(files: &[Source], offends: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate().filter(|(_, line)| offends(file, line)) {
            found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
        }
    }
    found
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let hand_written = |file: &Source| file.is_one_of(&["rs", "proto", "toml", "css", "html", "sql"]);
    let long = |file: &Source| (file.text.lines().count() > LINES_MAX).then(|| file.path.clone());
    let files = sources();
    let offences = files.iter().filter(|file| hand_written(file) && !file.is_data()).filter_map(long);
    none(&format!("files with more than {LINES_MAX} lines"), offences.collect());
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not offend itself.
    let words = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "XX".to_owned() + "X", "to".to_owned() + "do!("];
    let skipped = "#[".to_owned() + "ignore";
    let files = sources();
    let rust: Vec<Source> = files.into_iter().filter(|file| file.is_one_of(&["rs", "proto", "sh", "toml"])).collect();
    none(
        "unfinished work",
        lines(&rust, |_, line| words.iter().any(|word| line.contains(word)) || line.contains(&skipped)),
    );
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let words =
        ["/wo".to_owned() + "rk/", "/tmp/".to_owned() + "fl/", "st".to_owned() + "ub", "work".to_owned() + "tree"];
    none(
        "words that mean nothing to a reader of this repository",
        lines(&sources(), |file, line| {
            !file.is_vendored() && words.iter().any(|word| line.to_lowercase().contains(word.as_str()))
        }),
    );
}

#[test]
fn modules_are_named_after_concepts() {
    let vague = ["utils", "util", "helpers", "helper", "common", "models", "misc", "manager"];
    let files = sources();
    let names =
        |file: &&Source| file.is_one_of(&["rs"]) && file.path.split(['/', '.']).any(|part| vague.contains(&part));
    none("modules named after a kind of code", files.iter().filter(names).map(|file| file.path.clone()).collect());
}

#[test]
fn conditional_code_is_a_module_of_its_own() {
    let mut offences = Vec::new();
    for file in sources().iter().filter(|file| file.is_one_of(&["rs"]) && file.path.contains("/src/")) {
        let mut rest = file.text.lines().enumerate().skip_while(|(_, line)| !is_condition(line)).peekable();
        while let Some((number, line)) = rest.next() {
            let subject = rest.clone().map(|(_, next)| next.trim()).find(|next| !next.starts_with("#["));
            let module = subject.is_some_and(|next| next.contains("mod ") || next.contains("use "));
            if is_condition(line) && !module {
                offences.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("conditions on something else than a module", offences);
}

/// Whether the line makes what follows depend on the system; `cfg(test)` does not.
fn is_condition(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[cfg(") && !line.starts_with("#[cfg(test)]")
}

#[test]
fn unsafe_code_lives_where_the_system_is_called() {
    let word = "un".to_owned() + "safe";
    let opens = |line: &str| [" {", " fn", " impl"].iter().any(|after| line.contains(&format!("{word}{after}")));
    let files: Vec<Source> = sources().into_iter().filter(|file| file.is_one_of(&["rs"])).collect();
    none(
        "unsafe code outside agent/src/os",
        lines(&files, |file, line| !file.path.starts_with("agent/src/os") && opens(line)),
    );
}
