//! The kernel's message format: framing, attributes, and what a few of its families say.
//!
//! Pure functions of bytes, the same on every system that compiles them. A message that is torn ends the list, an
//! attribute that is torn ends the attributes, and nothing here panics whatever it is given.
//!
//! Layout, all numbers in the machine's own byte order: a message is `length u32, type u16, flags u16, sequence u32,
//! sender u32` and its body; an attribute is `length u16, type u16` and its payload. Both are padded to four bytes.

pub(crate) mod ethtool;
pub(crate) mod neighbour;
pub(crate) mod nftables;
pub(crate) mod nl80211;
pub(crate) mod wireguard;
pub(crate) mod xfrm;

/// Bytes of a message's head.
const HEAD: usize = 16;
/// Bytes of the head that the generic families put behind it: command, version, two unused.
const GENERIC_HEAD: usize = 4;
/// The kernel marks nested attributes and byte orders in the two highest bits of the type.
const TYPE_MASK: u16 = 0x3fff;
const NESTED: u16 = 0x8000;

/// The answer is an error number, or 0 for a mere acknowledgement.
const ERROR: u16 = 2;
/// Nothing follows.
const DONE: u16 = 3;
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;

/// The family that knows the numbers of the others.
const CONTROLLER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// A request being written.
#[derive(Debug, Clone)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// Asks the generic family numbered `family` for one thing.
    pub(crate) fn one(family: u16, command: u8) -> Self {
        Self::new(family, REQUEST | ACKNOWLEDGE, [command, 1, 0, 0])
    }

    /// Asks the generic family numbered `family` for everything.
    pub(crate) fn dump(family: u16, command: u8) -> Self {
        Self::new(family, REQUEST | DUMP, [command, 1, 0, 0])
    }

    /// Asks nftables for everything of a kind, of every address family.
    fn netfilter(kind: u16) -> Self {
        Self::new(kind, REQUEST | DUMP, [0; GENERIC_HEAD])
    }

    /// Asks for the number of the generic family called `name`.
    pub(crate) fn family(name: &str) -> Self {
        Self::one(CONTROLLER, GET_FAMILY).text(FAMILY_NAME, name)
    }

    fn new(kind: u16, flags: u16, head: [u8; GENERIC_HEAD]) -> Self {
        let mut bytes = vec![0; HEAD];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes[8..12].copy_from_slice(&1_u32.to_ne_bytes());
        bytes.extend(head);
        Self(bytes)
    }

    /// Adds the rest of a head that is longer than that of the generic families.
    fn head(mut self, rest: &[u8]) -> Self {
        self.0.extend(rest);
        self
    }

    /// Adds a text, which the kernel wants to end in a zero byte.
    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.bytes(kind, &[text.as_bytes(), &[0]].concat())
    }

    /// Adds a number.
    pub(crate) fn number(self, kind: u16, number: u32) -> Self {
        self.bytes(kind, &number.to_ne_bytes())
    }

    /// Adds the attributes of `inner` as one attribute.
    fn nested(self, kind: u16, inner: &[u8]) -> Self {
        self.bytes(kind | NESTED, inner)
    }

    fn bytes(mut self, kind: u16, payload: &[u8]) -> Self {
        self.0.extend(attribute(kind, payload));
        self
    }

    /// The message as it is sent.
    pub(crate) fn done(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("requests are short");
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// One attribute as it is sent.
fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + payload.len()).expect("requests are short");
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), payload].concat();
    bytes.resize(padded(bytes.len()), 0);
    bytes
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// One message of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// Something that was asked for: what stands behind the generic head.
    Body(&'a [u8]),
    /// Nothing follows; the error number of the system, 0 for success.
    End(i32),
}

/// The messages in `bytes`, in order.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(number(bytes)?).ok()?;
        let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
        let body = bytes.get(HEAD..length)?;
        bytes = bytes.get(padded(length)..).unwrap_or_default();
        Some(match kind {
            // A kernel that tells no number with its last message has none to tell.
            DONE => Message::End(number(body).map_or(0, errno)),
            ERROR => Message::End(number(body).map_or(-1, errno)),
            _ => Message::Body(body.get(GENERIC_HEAD..).unwrap_or_default()),
        })
    })
}

/// Errors come negated.
fn errno(code: u32) -> i32 {
    (code as i32).wrapping_neg()
}

/// The attributes in `bytes`, in order: type and payload.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & TYPE_MASK;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(padded(length)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// The payload of the first attribute of type `kind`.
pub(crate) fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, payload)| payload)
}

/// The payload as a 32-bit number.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(payload.get(..4)?.try_into().ok()?))
}

/// The payload as a text, without the zero byte at its end.
pub(crate) fn text(payload: &[u8]) -> Option<&str> {
    std::str::from_utf8(payload).ok().map(|text| text.trim_end_matches('\0'))
}

/// The number of a family, from the answer to [`Request::family`].
pub(crate) fn family_id(body: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(find(body, FAMILY_ID)?.get(..2)?.try_into().ok()?))
}

/// An answer of a real kernel, kept as hexadecimal digits.
#[cfg(test)]
fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/netlink/{name}.hex"));
    let digits: Vec<u8> =
        std::fs::read(path).expect("the fixture is there").into_iter().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_reads_back_as_what_was_asked() {
        let sent = Request::family("nl80211").done();
        let all: Vec<_> = messages(&sent).collect();
        let [Message::Body(body)] = all[..] else { panic!("{all:?}") };
        assert_eq!(find(body, FAMILY_NAME).and_then(text), Some("nl80211"));
        assert_eq!(sent.len() % 4, 0);
    }

    #[test]
    fn a_torn_answer_ends_where_it_is_torn() {
        let sent = Request::dump(30, 5).number(3, 7).text(4, "wlan0").done();
        for cut in 0..sent.len() {
            let found = messages(&sent[..cut]).count();
            assert_eq!(found, 0, "cut at {cut}");
        }
    }

    #[test]
    fn an_error_of_the_kernel_keeps_its_number() {
        let mut refused = Request::new(ERROR, 0, [0; 4]).done();
        refused[HEAD..HEAD + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(messages(&refused).next(), Some(Message::End(1)));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&bytes) {
                if let Message::Body(body) = message {
                    let _ = attributes(body).count();
                }
            }
        }
    }
}
