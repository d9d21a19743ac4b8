//! The messages of the bus: what stands before their bodies, packed and read.
//!
//! A message is sixteen bytes, a list of fields, filling up to a multiple of eight, and the body. The sender chooses the order
//! of bytes. Bodies and fields are read by the D-Bus library, which checks them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{Endian, NATIVE_ENDIAN, Type, to_bytes};
use zbus::{DynamicType, ObjectPath, OwnedFd, OwnedVariant, Signature, Variant};

use super::{Fault, Object};

/// What comes before the fields.
pub(super) const HEAD_BYTES: usize = 16;

/// A longer message is nothing that the agent asked for.
const BYTES_MAX: usize = 4 * 1024 * 1024;

const VERSION: u8 = 1;
const CALL: u8 = 1;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

/// A service that does not run is not started by asking.
const NO_AUTO_START: u8 = 2;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SENDER: u8 = 7;
const SIGNATURE: u8 = 8;
const FILES: u8 = 9;

/// Order of bytes, kind, flags, version, length of the body, number, fields.
type Head<'a> = (u8, u8, u8, u8, u32, u32, Fields<'a>);
type Fields<'a> = &'a [(u8, Variant<'static>)];
type OwnedHead = (u8, u8, u8, u8, u32, u32, Vec<(u8, OwnedVariant)>);

/// A message that came.
#[derive(Debug)]
pub(crate) struct Message {
    kind: u8,
    fields: Vec<(u8, OwnedVariant)>,
    body: Data<'static, 'static>,
}

/// A question that was not yet given a number: what is asked about, and with what.
#[derive(Debug)]
pub(super) struct Question {
    fields: Vec<(u8, Variant<'static>)>,
    /// What the body is, without the brackets that stand around several values elsewhere.
    signature: String,
    body: Vec<u8>,
}

impl Question {
    /// Packs it.
    ///
    /// # Errors
    /// A path in it is none, or the body cannot be packed.
    pub(super) fn new<B>(object: Object<'_>, method: &str, body: &B) -> Result<Self, Fault>
    where
        B: Serialize + DynamicType,
    {
        let packed = to_bytes(Context::new(NATIVE_ENDIAN, 0), body)?.to_vec();
        Self::about(object, method, packed, &body.signature())
    }

    fn about(object: Object<'_>, method: &str, body: Vec<u8>, signature: &Signature) -> Result<Self, Fault> {
        let text = |text: &str| Variant::from(text.to_owned());
        let fields: Vec<(u8, Variant<'static>)> = vec![
            (PATH, ObjectPath::try_from(object.path.to_owned())?.into()),
            (INTERFACE, text(object.interface)),
            (MEMBER, text(method)),
            (DESTINATION, text(object.service)),
        ];
        Ok(Self { fields, signature: signature.to_string_no_parens(), body })
    }

    /// As it is sent under the number `serial`.
    ///
    /// # Errors
    /// It is too long.
    pub(super) fn numbered(&self, serial: u32) -> Result<Vec<u8>, Fault> {
        whole((CALL, NO_AUTO_START, serial), &self.fields, &self.signature, &self.body)
    }
}

/// A message of this kind, with these flags, under this number.
fn whole(what: (u8, u8, u32), fields: Fields<'_>, signature: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let (kind, flags, serial) = what;
    let order = if NATIVE_ENDIAN == Endian::Little { b'l' } else { b'B' };
    let length = u32::try_from(body.len()).map_err(|_| Fault::Odd("it is too long".to_owned()))?;
    let head: Head<'_> = (order, kind, flags, VERSION, length, serial, fields);
    let mut bytes = to_bytes(Context::new(NATIVE_ENDIAN, 0), &head)?.to_vec();
    describe(&mut bytes, signature)?;
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// Adds the field that says what the body is. The library would put brackets around several values, which here are none.
fn describe(head: &mut Vec<u8>, signature: &str) -> Result<(), Fault> {
    if signature.is_empty() {
        return Ok(());
    }
    let too_long = || Fault::Odd("it is too long".to_owned());
    head.resize(head.len().next_multiple_of(8), 0);
    head.extend_from_slice(&[SIGNATURE, 1, b'g', 0, u8::try_from(signature.len()).map_err(|_| too_long())?]);
    head.extend_from_slice(signature.as_bytes());
    head.push(0);
    let fields = u32::try_from(head.len() - HEAD_BYTES).map_err(|_| too_long())?;
    head[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&fields.to_ne_bytes());
    Ok(())
}

/// How long the message is that begins with these [`HEAD_BYTES`].
///
/// # Errors
/// It is none, or longer than any that was asked for.
pub(super) fn length(head: &[u8]) -> Result<usize, Fault> {
    let (fields, body) = (number(head, 12)?, number(head, 4)?);
    let length = HEAD_BYTES.saturating_add(fields).next_multiple_of(8).saturating_add(body);
    if length > BYTES_MAX { Err(Fault::Odd(format!("a message of {length} bytes"))) } else { Ok(length) }
}

fn number(head: &[u8], at: usize) -> Result<usize, Fault> {
    let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| Fault::Odd("a message without a head".to_owned()))?;
    Ok(match order(head)? {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    } as usize)
}

fn order(head: &[u8]) -> Result<Endian, Fault> {
    match head.first() {
        Some(b'l') => Ok(Endian::Little),
        Some(b'B') => Ok(Endian::Big),
        _ => Err(Fault::Odd("bytes that are no message".to_owned())),
    }
}

impl Message {
    /// Reads a whole message. Of the `files` that came so far, it takes those that are its own.
    ///
    /// # Errors
    /// The library's: the bytes are none.
    pub(super) fn read(bytes: &[u8], files: &mut Vec<std::os::fd::OwnedFd>) -> Result<Self, Fault> {
        let order = order(bytes)?;
        let data = Data::new(bytes, Context::new(order, 0));
        let ((_, kind, _, _, _, _, fields), end): (OwnedHead, usize) = data.deserialize()?;
        let body = bytes.get(end.next_multiple_of(8)..).unwrap_or_default().to_vec();
        let mut message = Self { kind, fields, body: Data::new(Vec::new(), Context::new(order, 0)) };
        let own = message.count(FILES).unwrap_or(0).min(files.len());
        message.body = Data::new_fds(body, Context::new(order, 0), files.drain(..own).map(OwnedFd::from));
        Ok(message)
    }

    /// What it says.
    ///
    /// # Errors
    /// It says something else than an `R`.
    pub(crate) fn body<R: DeserializeOwned + Type>(&self) -> Result<R, Fault> {
        let signature = match self.field(SIGNATURE).map(|value| &**value) {
            Some(Variant::Signature(signature)) => signature.clone(),
            _ => Signature::Unit,
        };
        Ok(self.body.deserialize_for_dynamic_signature(signature)?.0)
    }

    /// The name of the error that it is.
    pub(super) fn error(&self) -> Option<String> {
        (self.kind == ERROR).then(|| self.text(ERROR_NAME).unwrap_or_default().to_owned())
    }

    /// Whether it answers the question of this number.
    pub(super) fn answers(&self, serial: u32) -> bool {
        self.count(REPLY_SERIAL) == Some(serial as usize)
    }

    /// Whether it is this signal of this interface.
    pub(super) fn is_signal(&self, interface: &str, member: &str) -> bool {
        self.kind == SIGNAL && self.text(INTERFACE) == Some(interface) && self.text(MEMBER) == Some(member)
    }

    /// The bus's own name of who sent it. The bus says so; nobody can say it of himself.
    pub(crate) fn sender(&self) -> Option<&str> {
        self.text(SENDER)
    }

    fn field(&self, code: u8) -> Option<&OwnedVariant> {
        self.fields.iter().find(|(one, _)| *one == code).map(|(_, value)| value)
    }

    fn text(&self, code: u8) -> Option<&str> {
        self.field(code)?.downcast_ref::<&str>().ok()
    }

    fn count(&self, code: u8) -> Option<usize> {
        self.field(code)?.downcast_ref::<u32>().ok().map(|count| count as usize)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const LOGIND: Object<'_> = Object {
        service: "org.freedesktop.login1",
        path: "/org/freedesktop/login1",
        interface: "org.freedesktop.login1.Manager",
    };

    /// What a service answers to question number `serial`.
    pub(in super::super) fn answer<B: Serialize + DynamicType>(serial: u32, body: &B) -> Vec<u8> {
        sent(2, vec![(REPLY_SERIAL, serial.into())], body)
    }

    /// That it does not answer.
    pub(in super::super) fn refusal(serial: u32, name: &str) -> Vec<u8> {
        sent(ERROR, vec![(REPLY_SERIAL, serial.into()), (ERROR_NAME, name.to_owned().into())], &("words",))
    }

    /// A signal of logind's interface, by whoever has this name.
    pub(in super::super) fn signal<B: Serialize + DynamicType>(sender: &str, member: &str, body: &B) -> Vec<u8> {
        let fields = vec![
            (INTERFACE, LOGIND.interface.into()),
            (MEMBER, member.to_owned().into()),
            (SENDER, sender.to_owned().into()),
        ];
        sent(SIGNAL, fields, body)
    }

    fn sent<B: Serialize + DynamicType>(kind: u8, fields: Vec<(u8, Variant<'static>)>, body: &B) -> Vec<u8> {
        let packed = to_bytes(Context::new(NATIVE_ENDIAN, 0), body).expect("packed");
        whole((kind, 0, 7), &fields, &body.signature().to_string_no_parens(), &packed).expect("whole")
    }

    fn question<B: Serialize + DynamicType>(serial: u32, method: &str, body: &B) -> Vec<u8> {
        Question::new(LOGIND, method, body).and_then(|question| question.numbered(serial)).expect("packed")
    }

    fn read(bytes: &[u8]) -> Message {
        assert_eq!(length(&bytes[..HEAD_BYTES]).expect("a head"), bytes.len());
        Message::read(bytes, &mut Vec::new()).expect("a message")
    }

    #[test]
    fn a_question_is_what_the_specification_says() {
        let asked = question(5, "Inhibit", &("sleep", 7_u32));
        let Message { kind, fields, body } = read(&asked);
        assert_eq!((kind, asked[2], asked[3]), (CALL, NO_AUTO_START, VERSION));
        assert_eq!(fields.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [1, 2, 3, 6, 8]);
        assert_eq!(&*fields[4].1, &Variant::Signature(Signature::try_from("su").expect("two values")));
        assert!(asked.windows(8).any(|bytes| bytes == b"\x08\x01g\0\x02su\0"), "two values, without brackets");
        assert_eq!(&*body, b"\x05\0\0\0sleep\0\0\0\x07\0\0\0");
        let bare = read(&question(6, "ListSessions", &()));
        assert_eq!((bare.fields.len(), bare.body.len()), (4, 0));
    }

    #[test]
    fn an_answer_of_another_type_is_an_error() {
        let said = read(&answer(5, &(vec!["one", "two"],)));
        assert!(said.answers(5) && !said.answers(6) && said.error().is_none());
        assert_eq!(said.body::<Vec<String>>().ok(), Some(vec!["one".to_owned(), "two".to_owned()]));
        assert!(said.body::<u32>().is_err());
        assert_eq!(read(&refusal(5, "org.example.No")).error().as_deref(), Some("org.example.No"));
        assert!(read(&signal(":1.4", "PrepareForSleep", &true)).is_signal(LOGIND.interface, "PrepareForSleep"));
    }

    #[test]
    fn no_bytes_are_more_than_an_error() {
        let whole = answer(5, &(vec!["one", "two"], 3_u64));
        for cut in 0..whole.len() {
            let _ = Message::read(&whole[..cut], &mut Vec::new()).map(|message| message.body::<(Vec<String>, u64)>());
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut bent = whole.clone();
                bent[place] ^= 1 << bit;
                let _ = length(&bent);
                let _ = Message::read(&bent, &mut Vec::new()).map(|message| message.body::<(Vec<String>, u64)>());
            }
        }
        assert!(length(&[b'l'; HEAD_BYTES]).is_err(), "a message of a gigabyte");
    }
}
