//! Rich text in Atlassian's document format, which is a tree of nodes and knows no HTML.

use serde_json::{Value, json};

use super::{Block, Line, RichText, Span, Style, clean};

/// A document of blocks.
pub(super) fn render(text: &RichText) -> Value {
    let blocks: Vec<Value> = text.0.iter().map(block).collect();
    json!({ "type": "doc", "version": 1, "content": blocks })
}

fn block(block: &Block) -> Value {
    match block {
        Block::Heading { text } => json!({ "type": "heading", "attrs": { "level": 3 }, "content": line(text) }),
        Block::Paragraph { text } => paragraph(text),
        Block::List { numbered, items } => {
            let items: Vec<Value> = items.iter().map(|item| holding("listItem", item)).collect();
            json!({ "type": if *numbered { "orderedList" } else { "bulletList" }, "content": items })
        }
        Block::Table { head, rows } => {
            let rows = rows.iter().map(|cells| row("tableCell", cells));
            let rows: Vec<Value> = std::iter::once(row("tableHeader", head)).chain(rows).collect();
            json!({ "type": "table", "content": rows })
        }
        Block::Code { text } => json!({ "type": "codeBlock", "content": words(text).collect::<Vec<_>>() }),
    }
}

fn row(cell: &str, cells: &[Line]) -> Value {
    let cells: Vec<Value> = cells.iter().map(|text| holding(cell, text)).collect();
    json!({ "type": "tableRow", "content": cells })
}

/// What holds blocks, not words.
fn holding(kind: &str, text: &Line) -> Value {
    json!({ "type": kind, "content": [paragraph(text)] })
}

fn paragraph(text: &Line) -> Value {
    json!({ "type": "paragraph", "content": line(text) })
}

fn line(line: &Line) -> Vec<Value> {
    line.0.iter().flat_map(span).collect()
}

/// A line break is a node of its own.
fn span(span: &Span) -> Vec<Value> {
    let mut nodes = Vec::new();
    for (index, part) in clean(&span.text).split('\n').enumerate() {
        if index > 0 {
            nodes.push(json!({ "type": "hardBreak" }));
        }
        nodes.extend(words(part).map(|words| styled(words, span.style)));
    }
    nodes
}

/// A text node, which is never empty.
fn words(text: &str) -> impl Iterator<Item = Value> {
    let text = clean(text);
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text })).into_iter()
}

fn styled(mut words: Value, style: Style) -> Value {
    match style {
        Style::Plain => {}
        Style::Bold => words["marks"] = json!([{ "type": "strong" }]),
        Style::Code => words["marks"] = json!([{ "type": "code" }]),
    }
    words
}
