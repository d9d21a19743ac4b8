//! Tables for people, and words that cannot play tricks with the terminal.

use crate::fleet::short;

/// The text without anything that a terminal obeys or that turns text around: each such character becomes `\u{..}`
/// or, for line ends within a cell, a space.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            letter if is_trick(letter) => out.extend(letter.escape_unicode()),
            letter => out.push(letter),
        }
    }
    out
}

/// As [`harmless`], line by line.
pub(super) fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

fn is_trick(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// An endpoint by its name and the letters that tell it from others of that name; commands take either.
pub(super) fn told_apart(name: &str, id: &str) -> String {
    if id.is_empty() { name.to_owned() } else { format!("{name} ({})", short(id)) }
}

/// Rows under a head, columns aligned, two spaces between.
pub(super) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(head: [&'static str; N]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. Cells are made harmless here.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| harmless(cell)).collect());
    }

    /// The table, or `empty` when it has no rows.
    pub(super) fn print(self, empty: &str) -> String {
        if self.rows.is_empty() {
            return empty.to_owned();
        }
        let widths: Vec<usize> = (0..self.head.len()).map(|column| self.width(column)).collect();
        let head = self.head.iter().map(|word| word.to_uppercase());
        let mut text = print_row(head, &widths);
        for row in self.rows {
            text.push_str(&print_row(row.into_iter(), &widths));
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([self.head[column].chars().count()]).max().unwrap_or(0)
    }
}

fn print_row(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let padded = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let mut table = Table::new(["name", "state", "users"]);
        table.row(["ada-laptop".into(), "online".into(), "ada".into()]);
        table.row(["büro-07".into(), "asleep".into(), String::new()]);
        insta::assert_snapshot!(table.print(""), @r"
        NAME        STATE   USERS
        ada-laptop  online  ada
        büro-07     asleep
        ");
        assert_eq!(Table::new(["name"]).print("None."), "None.");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31mred\u{7}"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(harmless("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(harmless("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(harmless("two\nlines\r\n"), "two lines  ");
        assert_eq!(harmless("grüße 漢字 😀"), "grüße 漢字 😀");
    }
}
