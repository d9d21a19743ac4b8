//! What codes mean: stop codes, states of sign-ins, shares, updates, devices, in the words of a technician.
//!
//! The data is `catalogue/codes.toml`, compiled and embedded. A code is a word or a number; numbers are compared as numbers,
//! since one source writes `0x000000D1`, another `0xd1` and a third `209`.

use std::sync::OnceLock;

use crate::compact;

/// What the file of this version says.
pub(crate) const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/codes.compact"));

/// What a row says of its codes.
const COLUMNS: [&str; 3] = ["class", "words", "step"];

/// Codes of one table that mean the same.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    table: String,
    codes: Vec<String>,
    /// In the order of [`COLUMNS`]; the last may be empty.
    says: [String; 3],
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut rows = Vec::new();
        compact::read(BYTES, |file| {
            rows.extend(file.tables("code").map(|row| Row {
                table: row.text("table").unwrap_or_default(),
                codes: row.texts("codes").unwrap_or_default(),
                says: COLUMNS.map(|column| row.text(column).unwrap_or_default()),
            }));
        });
        rows
    })
}

/// Whether there is such a table, and rows have such a column.
pub(crate) fn exists(table: &str, column: &str) -> bool {
    COLUMNS.contains(&column) && rows().iter().any(|row| row.table == table)
}

/// The names of all tables.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    rows().iter().map(|row| row.table.as_str()).filter(move |table| std::mem::replace(&mut last, table) != *table)
}

/// What a table says of a code in one of its columns; nothing when it says nothing.
pub(crate) fn meaning(table: &str, column: &str, code: &str) -> Option<&'static str> {
    let column = COLUMNS.iter().position(|known| *known == column)?;
    let is_same = |known: &String| known == code || number(known).is_some_and(|known| number(code) == Some(known));
    let row = rows().iter().find(|row| row.table == table && row.codes.iter().any(is_same))?;
    Some(row.says[column].as_str()).filter(|text| !text.is_empty())
}

/// The number that a code is, in either notation.
fn number(code: &str) -> Option<i64> {
    let code = code.trim();
    match code.strip_prefix("0x").or_else(|| code.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => code.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[derive(serde::Deserialize)]
    struct File {
        code: Vec<Written>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        table: String,
        codes: Vec<String>,
        class: String,
        words: String,
        #[serde(default)]
        step: String,
    }

    fn written() -> Vec<Written> {
        let file: File = toml::from_str(include_str!("../catalogue/codes.toml")).expect("it parses");
        file.code
    }

    #[test]
    fn what_is_embedded_is_what_the_file_says() {
        let row = |one: Written| Row { table: one.table, codes: one.codes, says: [one.class, one.words, one.step] };
        assert_eq!(rows(), written().into_iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn no_code_means_two_things() {
        let mut seen = BTreeSet::new();
        for row in written() {
            assert!(!row.class.is_empty() && row.words.len() > 8, "{:?} says nothing", row.codes);
            assert!(row.step.is_empty() || row.step.ends_with('.'), "{}: no sentence", row.step);
            for code in row.codes {
                let name = number(&code).map_or(code.clone(), |number| number.to_string());
                assert!(seen.insert((row.table.clone(), name)), "{code} stands twice in {}", row.table);
            }
        }
    }

    #[test]
    fn numbers_are_the_same_in_either_notation() {
        for code in ["0x9F", "0x0000009f", "159", " 0X9f "] {
            assert_eq!(meaning("stop-code", "class", code), Some("driver"), "{code}");
        }
        assert_eq!(meaning("stop-code", "class", "0x124"), Some("hardware"));
        assert_eq!(meaning("stop-code", "class", "0xABCDEF"), None);
        assert_eq!(meaning("stop-code", "class", "none"), None);
        assert_eq!(meaning("panic", "class", "bad address"), Some("driver"));
        assert_eq!(meaning("mac-shutdown", "words", "-3"), Some("it switched off for heat"));
        assert_eq!(meaning("share", "step", "53"), None, "no step is told");
    }

    #[test]
    fn every_table_of_the_file_is_there() {
        let tables: Vec<&str> = tables().collect();
        for table in [
            "stop-code",
            "stop-status",
            "panic",
            "sign-in",
            "vpn",
            "share",
            "update",
            "wifi",
            "device",
            "printer",
            "mac-shutdown",
            "nvme-warning",
            "pressure",
        ] {
            assert!(tables.contains(&table) && exists(table, "words"), "{table} is missing");
        }
        assert!(!exists("stop-code", "colour") && !exists("coffee", "words"));
    }
}
