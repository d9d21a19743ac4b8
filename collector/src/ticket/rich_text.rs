//! Text with a little structure, in no ticket system's language.
//!
//! A note is made once, as blocks, and every desk gets it in the form it understands: HTML, Markdown, Atlassian's document format or plain text.
//! What stands in a span is text and nothing else: mark-up in it is shown, never obeyed, and the renderers replace
//! control characters and the invisible characters that turn text around. Nothing is ever stored as mark-up.

mod adf;
mod bound;
mod clean;
mod html;
mod markdown;
mod plain;

use serde::{Deserialize, Serialize};

pub use clean::{clean, clean_line};
pub use html::escape;

/// Blocks, one under the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RichText(pub Vec<Block>);

/// A piece of a text that stands on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// A heading within the text.
    Heading {
        /// What it says.
        text: Line,
    },
    /// A paragraph; line breaks in it stay.
    Paragraph {
        /// What it says.
        text: Line,
    },
    /// A list.
    List {
        /// Whether the items are numbered.
        numbered: bool,
        /// The items.
        items: Vec<Line>,
    },
    /// A table.
    Table {
        /// Names of the columns.
        head: Vec<Line>,
        /// Rows, each with as many cells as the head.
        rows: Vec<Vec<Line>>,
    },
    /// Text whose spacing matters.
    Code {
        /// What it says.
        text: String,
    },
}

/// Spans, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(pub Vec<Span>);

/// A stretch of text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What it says.
    pub text: String,
    /// How it looks.
    #[serde(default, skip_serializing_if = "Style::is_plain")]
    pub style: Style,
}

/// How a span looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Like the rest.
    #[default]
    Plain,
    /// Bold.
    Bold,
    /// As a machine writes it.
    Code,
}

impl Style {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

impl RichText {
    /// A text of one paragraph for each stretch of `text` between empty lines.
    pub fn paragraphs(text: &str) -> Self {
        let text = clean(text);
        Self(text.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).map(Block::paragraph).collect())
    }

    /// HTML: safe to put into a page or a ticket as it is.
    pub fn to_html(&self) -> String {
        html::render(self)
    }

    /// Markdown in which only our own marks count.
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// Atlassian's document format.
    pub fn to_adf(&self) -> serde_json::Value {
        adf::render(self)
    }

    /// Plain text.
    pub fn to_plain(&self) -> String {
        plain::render(self)
    }

    /// This text with long words cut and long lists ended with how many are left out: one answer of a machine must
    /// not drown the rest.
    pub fn bounded(self) -> Self {
        bound::bound(self)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Block {
    /// A heading.
    pub fn heading(text: impl Into<Line>) -> Self {
        Self::Heading { text: text.into() }
    }

    /// A paragraph.
    pub fn paragraph(text: impl Into<Line>) -> Self {
        Self::Paragraph { text: text.into() }
    }

    /// A list whose order matters.
    pub fn steps(items: impl IntoIterator<Item = impl Into<Line>>) -> Self {
        Self::List { numbered: true, items: items.into_iter().map(Into::into).collect() }
    }

    /// A list whose order does not matter.
    pub fn bullets(items: impl IntoIterator<Item = impl Into<Line>>) -> Self {
        Self::List { numbered: false, items: items.into_iter().map(Into::into).collect() }
    }
}

impl Line {
    /// This line with plain text after it.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.span(text, Style::Plain)
    }

    /// This line with bold text after it.
    pub fn bold(self, text: impl Into<String>) -> Self {
        self.span(text, Style::Bold)
    }

    /// This line with machine text after it.
    pub fn code(self, text: impl Into<String>) -> Self {
        self.span(text, Style::Code)
    }

    /// A line in which what stands between backticks is machine text, as in the steps of a runbook.
    pub fn step(step: &str) -> Self {
        let parts = step.split('`').enumerate().filter(|(_, part)| !part.is_empty());
        parts
            .fold(Self::default(), |line, (index, part)| if index % 2 == 1 { line.code(part) } else { line.text(part) })
    }

    fn span(mut self, text: impl Into<String>, style: Style) -> Self {
        self.0.push(Span { text: text.into(), style });
        self
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::default().text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}

#[cfg(test)]
mod tests;
