//! A file of Kerberos tickets in MIT's formats 3 and 4: until when the ticket is good that gets the others. Keys and tickets
//! are stepped over; whoever read the bytes wipes them.

/// When the ticket for tickets ends, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ticket {
    /// There is none among them.
    Missing,
    /// The latest of them.
    Until(u32),
}

/// The name of the service that gives tickets.
const GRANTING: &[u8] = b"krbtgt";
/// A file does not have more entries than this.
const ENTRIES_MAX: u32 = 1024;

/// Looks through the file; nothing when it is none, or torn.
pub(crate) fn ticket(bytes: &[u8]) -> Option<Ticket> {
    let (version, rest) = bytes.split_first_chunk::<2>()?;
    let mut reader = Reader { rest, repeats_kind: version == &[5, 3] };
    match version {
        [5, 4] => {
            let length = reader.short()?;
            reader.skip(usize::from(length))?;
        }
        [5, 3] => {}
        _ => return None,
    }
    reader.principal()?;
    let mut found = Ticket::Missing;
    while !reader.rest.is_empty() {
        found = found.max(reader.credential()?);
    }
    Some(found)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Format 3 says twice what kind of key it is.
    repeats_kind: bool,
}

impl<'a> Reader<'a> {
    fn credential(&mut self) -> Option<Ticket> {
        self.principal()?;
        let is_granting = self.principal()?;
        self.skip(if self.repeats_kind { 4 } else { 2 })?;
        self.data()?;
        // When it was given, when it begins; when it ends; until when it can be renewed.
        self.skip(8)?;
        let until = self.long()?;
        self.skip(4 + 1 + 4)?;
        for _ in 0..2 {
            for _ in 0..self.count()? {
                self.skip(2)?;
                self.data()?;
            }
        }
        self.data()?;
        self.data()?;
        Some(if is_granting { Ticket::Until(until) } else { Ticket::Missing })
    }

    /// Whether it is the service that gives tickets.
    fn principal(&mut self) -> Option<bool> {
        self.skip(4)?;
        let count = self.count()?;
        self.data()?;
        let mut is_granting = false;
        for index in 0..count {
            is_granting |= self.data()? == GRANTING && index == 0;
        }
        Some(is_granting)
    }

    fn count(&mut self) -> Option<u32> {
        self.long().filter(|count| *count <= ENTRIES_MAX)
    }

    fn data(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.long()?).ok()?;
        let (data, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(data)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn short(&mut self) -> Option<u16> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat()
    }

    fn principal(names: &[&str]) -> Vec<u8> {
        let head = [1_u32.to_be_bytes(), u32::try_from(names.len()).expect("few").to_be_bytes()].concat();
        let names: Vec<u8> = names.iter().flat_map(|name| data(name.as_bytes())).collect();
        [head, data(b"CORP.EXAMPLE"), names].concat()
    }

    fn credential(service: &[&str], until: u32, repeats_kind: bool) -> Vec<u8> {
        let kind = [0, 18].repeat(if repeats_kind { 2 } else { 1 });
        let times = [1_000, 1_000, until, until + 9].map(u32::to_be_bytes).concat();
        let address = [&1_u32.to_be_bytes()[..], &[0, 2], &data(&[192, 0, 2, 1])].concat();
        let none = 0_u32.to_be_bytes();
        let parts =
            [&kind[..], &data(&[7; 32]), &times, &[0], &none, &address, &none, &data(b"a ticket"), &data(b"")].concat();
        [principal(&["ada"]), principal(service), parts].concat()
    }

    /// A file with a ticket for tickets until then, and one for a server that ends later.
    pub(crate) fn file(until: u32) -> Vec<u8> {
        let head = [&[5, 4, 0, 12, 0, 1, 0, 8][..], &[0; 8]].concat();
        let tickets = [
            credential(&["krbtgt", "CORP.EXAMPLE"], until, false),
            credential(&["cifs", "files.corp.example"], until + 5_000, false),
        ];
        [head, principal(&["ada"]), tickets.concat()].concat()
    }

    #[test]
    fn the_ticket_for_tickets_counts_and_no_other() {
        assert_eq!(ticket(&file(5_000)), Some(Ticket::Until(5_000)));
        let head = [&[5, 4, 0, 0][..], &principal(&["ada"])].concat();
        assert_eq!(ticket(&head), Some(Ticket::Missing));
        let old = [&[5, 3][..], &principal(&["ada"]), &credential(&["krbtgt", "X"], 77, true)].concat();
        assert_eq!(ticket(&old), Some(Ticket::Until(77)));
    }

    #[test]
    fn a_torn_file_says_nothing() {
        let whole = file(5_000);
        for end in 0..whole.len() {
            let found = ticket(&whole[..end]);
            assert!(matches!(found, None | Some(Ticket::Missing | Ticket::Until(5_000))), "{end}: {found:?}");
        }
        assert_eq!(ticket(b"not a file of tickets"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ticket(&[&[5, 4][..], &bytes].concat());
        }
    }
}
