//! Requests and answers in the encoding of RFC 8010.

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The jobs of one queue.
    Jobs = 0x000a,
    /// The queue that is used when none is named.
    DefaultPrinter = 0x4001,
    /// All queues.
    Printers = 0x4002,
}

/// Type of a value in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// One of a set of words.
    Keyword = 0x44,
    /// An address.
    Uri = 0x45,
}

/// A value in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number, or a place in a list of states.
    Number(i32),
    /// Yes or no.
    Flag(bool),
    /// Any kind of text.
    Text(String),
    /// Of a kind that nobody here asks for.
    Other,
}

/// The attributes of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// What kind of thing: 2 is a job, 4 a printer.
    pub(crate) kind: u8,
    attributes: Vec<(String, Vec<Value>)>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Below 0x100 it went well.
    pub(crate) status: u16,
    /// What it is about, in its order.
    pub(crate) groups: Vec<Group>,
}

/// More things in one answer are not read.
const GROUPS_MAX: usize = 1000;

const OPERATION_ATTRIBUTES: u8 = 0x01;
const END: u8 = 0x03;
const CHARSET: u8 = 0x47;
const LANGUAGE: u8 = 0x48;

/// The bytes of a request; several values of one name follow each other.
pub(crate) fn request(operation: Operation, attributes: &[(Tag, &str, &[&str])]) -> Vec<u8> {
    let mut bytes = vec![2, 0];
    bytes.extend((operation as u16).to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.push(OPERATION_ATTRIBUTES);
    enter(&mut bytes, CHARSET, "attributes-charset", "utf-8");
    enter(&mut bytes, LANGUAGE, "attributes-natural-language", "en");
    for (tag, name, values) in attributes {
        for (index, value) in values.iter().enumerate() {
            enter(&mut bytes, *tag as u8, if index == 0 { name } else { "" }, value);
        }
    }
    bytes.push(END);
    bytes
}

fn enter(bytes: &mut Vec<u8>, tag: u8, name: &str, value: &str) {
    bytes.push(tag);
    for text in [name, value] {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_be_bytes());
        bytes.extend(&text.as_bytes()[..usize::from(length)]);
    }
}

/// Reads an answer; `None` when it is cut or none.
pub(crate) fn answer(mut bytes: &[u8]) -> Option<Answer> {
    let head = take(&mut bytes, 8)?;
    let status = u16::from_be_bytes([head[2], head[3]]);
    let mut groups: Vec<Group> = Vec::new();
    loop {
        let tag = take(&mut bytes, 1)?[0];
        match tag {
            END => return Some(Answer { status, groups }),
            0x00..=0x0f if groups.len() >= GROUPS_MAX => return Some(Answer { status, groups }),
            0x00..=0x0f => groups.push(Group { kind: tag, attributes: Vec::new() }),
            _ => {
                let name = String::from_utf8_lossy(counted(&mut bytes)?).into_owned();
                let value = value(tag, counted(&mut bytes)?);
                groups.last_mut()?.enter(name, value)?;
            }
        }
    }
}

fn value(tag: u8, bytes: &[u8]) -> Value {
    match (tag, bytes) {
        (0x21 | 0x23, &[a, b, c, d]) => Value::Number(i32::from_be_bytes([a, b, c, d])),
        (0x22, &[flag]) => Value::Flag(flag != 0),
        (0x41..=0x49, text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        _ => Value::Other,
    }
}

fn counted<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(bytes, 2)?;
    take(bytes, usize::from(u16::from_be_bytes([length[0], length[1]])))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

impl Group {
    /// Adds a value; one without a name is another value of the attribute before it.
    fn enter(&mut self, name: String, value: Value) -> Option<()> {
        if name.is_empty() {
            self.attributes.last_mut()?.1.push(value);
        } else {
            self.attributes.push((name, vec![value]));
        }
        Some(())
    }

    /// All values of an attribute.
    pub(crate) fn all(&self, name: &str) -> &[Value] {
        self.attributes.iter().find(|(known, _)| known == name).map_or(&[], |(_, values)| values)
    }

    /// The texts of an attribute.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.all(name).iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The number of an attribute.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        match self.all(name).first()? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The flag of an attribute.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.all(name).first()? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request is encoded like an answer, so one reads the other.
    #[test]
    fn what_is_written_can_be_read() {
        let wanted = ["printer-name", "printer-state"];
        let uri = "ipp://localhost/printers/a";
        let bytes = request(Operation::Jobs, &[(Tag::Uri, "printer-uri", &[uri]), (Tag::Keyword, "wanted", &wanted)]);
        let read = answer(&bytes).expect("well formed");
        assert_eq!(read.status, 0x000a);
        assert_eq!(read.groups[0].texts("wanted").collect::<Vec<_>>(), wanted);
        assert_eq!(read.groups[0].texts("printer-uri").next(), Some(uri));
        for cut in 0..bytes.len() {
            assert_eq!(answer(&bytes[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn reads_numbers_and_flags() {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 0, 1, 4];
        bytes.extend(b"\x23\x00\x05state\x00\x04\x00\x00\x00\x05");
        bytes.extend(b"\x22\x00\x02ok\x00\x01\x01\x13\x00\x04none\x00\x00\x03");
        let printer = &answer(&bytes).expect("well formed").groups[0];
        assert_eq!((printer.kind, printer.number("state"), printer.flag("ok")), (4, Some(5), Some(true)));
        assert_eq!((printer.number("ok"), printer.flag("state"), printer.number("absent")), (None, None, None));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = answer(&bytes);
        }
    }
}
