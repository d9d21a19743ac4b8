//! What every table of a system outside has: a name of its own, an address that gives nothing away, and a secret in one place.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use reqwest::Url;

/// Longest name of a system, in letters.
const NAME_LETTERS: usize = 32;

/// A secret that a file or a variable holds; `key` begins the names of both.
pub(super) fn secret(folder: &Path, key: &str, file: &Path, variable: &str) -> Result<String, String> {
    if !variable.is_empty() {
        let missing = |_| format!("{key}_variable: {variable} is not in the collector's environment");
        return env::var(variable).map_err(missing);
    }
    let path = folder.join(file);
    let text =
        fs::read_to_string(&path).map_err(|cause| format!("{key}_file: cannot read {}: {cause}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{key}_file: {} is empty", path.display())),
        found => Ok(found.to_owned()),
    }
}

/// Refuses what is no name for something that the configuration names in tables called `table`.
pub(super) fn check_name(table: &str, example: &str, name: &str) -> Result<(), String> {
    let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.is_empty() && name.len() <= NAME_LETTERS && name.chars().all(good) {
        return Ok(());
    }
    Err(format!(
        "each [[{table}]] needs a name of 1 to {NAME_LETTERS} small letters, digits and -, such as name = \"{example}\"; \
         {name:?} is none"
    ))
}

/// Refuses an address of the web that is none, holds a secret, whose place is `key`, or would carry one in the clear.
pub(super) fn secure(address: &str, key: &str) -> Result<(), String> {
    let url = Url::parse(address)
        .map_err(|_| format!("url {address:?} is no address, such as \"https://rt.example.com\""))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(format!("url {address:?} must begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("url holds a name or a password, which this file is not the place for; use {key}"));
    }
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "http" && !here {
        return Err("url is not encrypted, so that anybody on the way could read the token; use https://".to_owned());
    }
    Ok(())
}

/// Refuses a secret that is nowhere, or in two places.
pub(super) fn one_place(key: &str, file: &Path, variable: &str) -> Result<(), String> {
    match (file.as_os_str().is_empty(), variable.is_empty()) {
        (true, true) => Err(format!("it needs {key}_file = \"FILE\" or {key}_variable = \"NAME\" with its {key}")),
        (false, false) => Err(format!("it has both {key}_file and {key}_variable; one is enough")),
        _ => Ok(()),
    }
}

/// Refuses a name that two of `what` have.
pub(super) fn each_its_own<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut again = names.filter(|name| !seen.insert(*name));
    again.next().map_or(Ok(()), |name| Err(format!("two {what} are called {name:?}; give each a name of its own")))
}
