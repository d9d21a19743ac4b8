//! Keeps a text readable whatever was put into it.

use super::{Block, Line, RichText};

/// Longest span, in letters.
const SPAN_LETTERS: usize = 600;

/// Most items of a list and rows of a table.
const ITEMS: usize = 25;

/// `text` with long spans cut, and long lists ended with how many are left out.
pub(super) fn bound(text: RichText) -> RichText {
    RichText(text.0.into_iter().map(block).collect())
}

fn block(block: Block) -> Block {
    match block {
        Block::Heading { text } => Block::Heading { text: line(text) },
        Block::Paragraph { text } => Block::Paragraph { text: line(text) },
        Block::List { numbered, items } => Block::List { numbered, items: list(items) },
        Block::Table { head, rows } => {
            let cells = |row: Vec<Line>| row.into_iter().map(line).collect();
            Block::Table { head: cells(head), rows: rows.into_iter().take(ITEMS).map(cells).collect() }
        }
        Block::Code { text } => Block::Code { text: cut(text) },
    }
}

fn list(items: Vec<Line>) -> Vec<Line> {
    let left_out = items.len().saturating_sub(ITEMS);
    let more = (left_out > 0).then(|| Line::from(format!("and {left_out} more")));
    items.into_iter().take(ITEMS).map(line).chain(more).collect()
}

fn line(line: Line) -> Line {
    let spans = line.0.into_iter().take(ITEMS);
    Line(spans.map(|span| super::Span { text: cut(span.text), ..span }).collect())
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SPAN_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
