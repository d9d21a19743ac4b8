use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::vocabulary::Timestamp;

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Arc<Table>>;

/// Words and dates by codes: what a catalogue knows that is no check.
///
/// The first columns are keys. A row fits when each of its keys is the text that is looked up, whatever its capitals; `*` in
/// a key stands for anything, and numbers are compared as numbers, since one source writes `0x000000D1`, another `0xd1` and
/// a third `209`. The first row that fits counts; an empty cell is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) keys: usize,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.keys == 0 || self.keys >= self.columns.len() {
            return Some(format!("table {}: keys are the first columns, and not all of them", self.name));
        }
        let odd = self.rows.iter().find(|row| row.len() != self.columns.len())?;
        Some(format!("table {}: the row of {:?} has {} cells", self.name, odd.first(), odd.len()))
    }

    /// Where a column stands that is no key.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name).filter(|column| *column >= self.keys)
    }

    /// Whether all cells of a column are dates or nothing.
    pub(crate) fn is_date(&self, column: usize) -> bool {
        self.rows.iter().filter_map(|row| row.get(column)).all(|cell| cell.is_empty() || date(cell).is_some())
    }

    /// The cell of the first row that fits.
    pub(crate) fn cell(&self, column: usize, keys: &[&str]) -> Option<&str> {
        let fits = |row: &&Vec<String>| row.iter().zip(keys).all(|(pattern, key)| fits(pattern, key));
        let cell = self.rows.iter().find(fits)?.get(column)?;
        Some(cell.as_str()).filter(|cell| !cell.is_empty())
    }
}

fn fits(pattern: &str, key: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern.eq_ignore_ascii_case(key) || number(pattern).is_some_and(|one| number(key) == Some(one));
    };
    let Some(start) = key.get(..head.len()) else { return false };
    let after = &key[start.len()..];
    let mut ends = after.char_indices().map(|(end, _)| end).chain([after.len()]);
    start.eq_ignore_ascii_case(head) && (rest.is_empty() || ends.any(|end| fits(rest, &after[end..])))
}

/// The number that a code is, in either notation.
fn number(code: &str) -> Option<i64> {
    let code = code.trim();
    match code.strip_prefix("0x").or_else(|| code.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => code.parse().ok(),
    }
}

/// The end of a day like `2025-10-14`, in UTC.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    let day: Date = text.parse().ok()?;
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from(next.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let texts = |row: &[&str]| row.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Table {
            name: "ends".to_owned(),
            columns: texts(&["name", "release", "end"]),
            keys: 2,
            rows: vec![
                texts(&["Ubuntu", "22.04", "2027-04-01"]),
                texts(&["Red*Enterprise*", "9.*", "2032-05-31"]),
                texts(&["Arch", "*", ""]),
            ],
        }
    }

    #[test]
    fn the_first_row_that_fits_counts_and_an_empty_cell_is_nothing() {
        let table = table();
        assert_eq!(table.cell(2, &["ubuntu", "22.04"]), Some("2027-04-01"));
        assert_eq!(table.cell(2, &["Red Hat Enterprise Linux", "9.4"]), Some("2032-05-31"));
        assert_eq!(table.cell(2, &["Red Hat Enterprise Linux", "10.1"]), None);
        assert_eq!(table.cell(2, &["Arch", "rolling"]), None);
        assert!(table.is_date(2) && !table.is_date(1));
    }

    #[test]
    fn numbers_are_the_same_in_either_notation() {
        let rows = vec![vec!["0x9F".to_owned(), "driver".to_owned()]];
        let table = Table { columns: vec!["code".to_owned(), "class".to_owned()], keys: 1, rows, ..table() };
        for code in ["0x9F", "0x0000009f", "159", " 0X9f "] {
            assert_eq!(table.cell(1, &[code]), Some("driver"), "{code}");
        }
        assert_eq!(table.cell(1, &["0x9E"]), None);
    }

    #[test]
    fn a_day_ends_when_the_next_begins() {
        assert_eq!(date("1970-01-01"), Some(Timestamp(86_400_000)));
        assert_eq!(date("1970-13-01"), None);
    }

    #[test]
    fn a_row_that_lacks_a_cell_is_a_fault() {
        let mut table = table();
        assert_eq!(table.fault(), None);
        table.rows[1].pop();
        assert!(table.fault().expect("a fault").contains("2 cells"));
    }
}
