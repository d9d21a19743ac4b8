//! Rich text as plain text.

use super::{Block, Line, RichText, clean};

/// Blocks with an empty line between them.
pub(super) fn render(text: &RichText) -> String {
    text.0.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading { text } => line(text).to_uppercase(),
        Block::Paragraph { text } => line(text),
        Block::List { numbered, items } => list(*numbered, items),
        Block::Table { head, rows } => {
            std::iter::once(head).chain(rows).map(|row| cells(row)).collect::<Vec<_>>().join("\n")
        }
        Block::Code { text } => clean(text),
    }
}

fn list(numbered: bool, items: &[Line]) -> String {
    let item = |(index, item): (usize, &Line)| {
        if numbered { format!("{}. {}", index + 1, line(item)) } else { format!("- {}", line(item)) }
    };
    items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
}

fn cells(row: &[Line]) -> String {
    row.iter().map(|cell| line(cell).replace('\n', " ")).collect::<Vec<_>>().join(" | ")
}

fn line(line: &Line) -> String {
    line.0.iter().map(|span| clean(&span.text)).collect()
}
