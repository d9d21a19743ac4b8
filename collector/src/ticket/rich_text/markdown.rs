//! Rich text as Markdown.

use super::{Block, Line, RichText, Style, clean};

/// Letters that could mean something to a Markdown reader or to the HTML behind it.
const SPECIAL: &str = r"\`*_{}[]()<>#+-.!|~&:@";

/// Blocks with an empty line between them.
pub(super) fn render(text: &RichText) -> String {
    text.0.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading { text } => format!("### {}", one_line(text)),
        Block::Paragraph { text } => line(text).replace('\n', "  \n"),
        Block::List { numbered, items } => list(*numbered, items),
        Block::Table { head, rows } => table(head, rows),
        Block::Code { text } => fenced(&clean(text)),
    }
}

fn list(numbered: bool, items: &[Line]) -> String {
    let item = |(index, item): (usize, &Line)| {
        if numbered { format!("{}. {}", index + 1, one_line(item)) } else { format!("- {}", one_line(item)) }
    };
    items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
}

fn table(head: &[Line], rows: &[Vec<Line>]) -> String {
    let row = |cells: &[Line]| format!("| {} |", cells.iter().map(one_line).collect::<Vec<_>>().join(" | "));
    let rule = format!("|{}", " --- |".repeat(head.len()));
    let lines = [row(head), rule].into_iter().chain(rows.iter().map(|cells| row(cells)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Code between fences that are longer than every run of backticks in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

fn one_line(text: &Line) -> String {
    line(text).replace('\n', " ")
}

fn line(line: &Line) -> String {
    let span = |style: Style, text: String| match style {
        Style::Plain => text,
        Style::Bold => format!("**{text}**"),
        // Escapes do not work inside backticks; a code span whose text has some is plain text instead.
        Style::Code => format!("`{text}`"),
    };
    let render = |one: &super::Span| {
        let text = clean(&one.text);
        match one.style {
            Style::Code if !text.contains(['`', '|', '\n']) && !text.is_empty() => span(Style::Code, text),
            Style::Code => escape(&text),
            style => span(style, escape(&text)),
        }
    };
    line.0.iter().map(render).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if SPECIAL.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
