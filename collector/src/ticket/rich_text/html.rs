//! Rich text as HTML.

use std::fmt::Write as _;

use super::{Block, Line, RichText, Style, clean};

/// Blocks as HTML elements without attributes.
pub(super) fn render(text: &RichText) -> String {
    let mut page = String::new();
    for block in &text.0 {
        render_block(&mut page, block);
    }
    page
}

/// `text` as HTML text: cleaned, and with every character that could begin mark-up or end an attribute replaced.
pub fn escape(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            letter => page.push(letter),
        }
    }
    page
}

fn render_block(page: &mut String, block: &Block) {
    match block {
        Block::Heading { text } => element(page, "h3", text),
        Block::Paragraph { text } => element(page, "p", text),
        Block::List { numbered, items } => {
            let tag = if *numbered { "ol" } else { "ul" };
            open(page, tag);
            for item in items {
                element(page, "li", item);
            }
            close(page, tag);
        }
        Block::Table { head, rows } => table(page, head, rows),
        Block::Code { text } => {
            open(page, "pre");
            page.push_str(&escape(text));
            close(page, "pre");
        }
    }
}

fn table(page: &mut String, head: &[Line], rows: &[Vec<Line>]) {
    page.push_str("<table><thead><tr>");
    for cell in head {
        element(page, "th", cell);
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            element(page, "td", cell);
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
}

fn element(page: &mut String, tag: &str, line: &Line) {
    open(page, tag);
    for span in &line.0 {
        let text = escape(&span.text).replace('\n', "<br>");
        match span.style {
            Style::Plain => page.push_str(&text),
            Style::Bold => {
                let _ = write!(page, "<strong>{text}</strong>");
            }
            Style::Code => {
                let _ = write!(page, "<code>{text}</code>");
            }
        }
    }
    close(page, tag);
}

fn open(page: &mut String, tag: &str) {
    let _ = write!(page, "<{tag}>");
}

fn close(page: &mut String, tag: &str) {
    let _ = write!(page, "</{tag}>");
}
