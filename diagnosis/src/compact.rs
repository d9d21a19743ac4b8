//! Reads what `build.rs` compiled from the embedded TOML files; its module says what the bytes are.
//!
//! Whoever wants a table asks for its values by name. That is little code, unlike a reader made for each type, of which the
//! agent would have four hundred kilobytes, and it is for embedded files only: what is not there is empty, what has
//! another type is as if it were not there, and nobody is told. Tests hold what is read against the TOML files.

use miniz_oxide::inflate::decompress_to_vec;
use serde::de::DeserializeOwned;
use serde::de::value::{BorrowedStrDeserializer, Error};

/// A value.
enum Node<'a> {
    Flag(bool),
    Text(&'a str),
    Number(f64),
    List(Vec<Node<'a>>),
    Table(Table<'a>),
}

/// Values by name.
pub(crate) struct Table<'a>(Vec<(&'a str, Node<'a>)>);

impl<'a> Table<'a> {
    fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Node::text)
    }

    /// Several texts; one is as good.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<String>> {
        self.get(key).map(Node::texts)
    }

    /// Yes or no.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key) {
            Some(Node::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A number.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        match self.get(key) {
            Some(Node::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// One of the words that a type has.
    pub(crate) fn word<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        match self.get(key) {
            Some(Node::Text(text)) => T::deserialize(BorrowedStrDeserializer::<Error>::new(text)).ok(),
            _ => None,
        }
    }

    /// A list of lists of texts.
    pub(crate) fn rows(&self, key: &str) -> Vec<Vec<String>> {
        self.get(key).map_or(&[][..], Node::list).iter().map(Node::texts).collect()
    }

    /// A table.
    pub(crate) fn table(&self, key: &str) -> Option<&Self> {
        self.get(key).and_then(Node::table)
    }

    /// A list of tables.
    pub(crate) fn tables(&self, key: &str) -> impl Iterator<Item = &Self> {
        self.get(key).map_or(&[][..], Node::list).iter().filter_map(Node::table)
    }

    /// Everything that is a text, or several, by name.
    pub(crate) fn all_texts(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.0.iter().map(|(name, node)| ((*name).to_owned(), node.texts()))
    }
}

impl<'a> Node<'a> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some((*text).to_owned()),
            _ => None,
        }
    }

    fn texts(&self) -> Vec<String> {
        self.text().into_iter().chain(self.list().iter().filter_map(Self::text)).collect()
    }

    fn list(&self) -> &[Self] {
        match self {
            Self::List(nodes) => nodes,
            _ => &[],
        }
    }

    fn table(&self) -> Option<&Table<'a>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Gives the tables of a compiled file to `take`, one for each TOML file.
pub(crate) fn read(bytes: &[u8], take: impl FnMut(&Table<'_>)) {
    let plain = decompress_to_vec(bytes).expect("what was packed with this program is whole");
    let mut reader = Reader { strings: Vec::new(), rest: &plain };
    reader.strings();
    let Node::List(files) = reader.node() else { return };
    files.iter().filter_map(Node::table).for_each(take);
}

/// The bytes were made with this program: what is not as it must be is a fault like any index that is out of bounds.
struct Reader<'a> {
    strings: Vec<&'a str>,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn strings(&mut self) {
        let lengths: Vec<usize> = (0..self.number()).map(|_| self.number()).collect();
        self.strings = lengths.into_iter().map(|length| self.string(length)).collect();
    }

    fn string(&mut self, length: usize) -> &'a str {
        std::str::from_utf8(self.take(length)).expect("a compiled string is a string")
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn number(&mut self) -> usize {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.take(1)[0];
            number |= usize::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        number
    }

    fn key(&mut self) -> &'a str {
        let number = self.number();
        self.strings[number]
    }

    fn node(&mut self) -> Node<'a> {
        match self.take(1)[0] {
            flag @ (0 | 1) => Node::Flag(flag == 1),
            2 => Node::Text(self.key()),
            3 => Node::Number(self.number() as f64),
            4 => Node::Number(f64::from_le_bytes(self.take(8).try_into().expect("eight bytes were taken"))),
            5 => Node::List((0..self.number()).map(|_| self.node()).collect()),
            _ => Node::Table(Table((0..self.number()).map(|_| (self.key(), self.node())).collect())),
        }
    }
}
