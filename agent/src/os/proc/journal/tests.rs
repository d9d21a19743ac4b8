use proptest::prelude::*;

use super::forge::Forge;
use super::*;

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let got = (self.len() - from).min(buffer.len());
        buffer[..got].copy_from_slice(&self[from..from + got]);
        Ok(got)
    }
}

/// The texts of `MESSAGE` of the newest `most` entries with `field` after `after`, and how many were left out.
fn messages(bytes: Vec<u8>, field: &str, after: u64, most: usize) -> Result<(Vec<String>, u64), Fault> {
    let file = JournalFile::new(bytes);
    let header = file.header()?;
    let Some(item) = file.find(&header, field)? else { return Ok((Vec::new(), 0)) };
    let matches = file.entries_after(&header, item, after, most)?;
    let mut texts = Vec::new();
    for offset in matches.offsets {
        for item in file.entry(&header, offset)?.items {
            if let Some((name, text)) = file.field(&header, item)?
                && name == "MESSAGE"
            {
                texts.push(text);
            }
        }
    }
    Ok((texts, matches.left_out))
}

fn forged(compact: bool, keyed: bool) -> Vec<u8> {
    let mut forge = Forge::new(compact, keyed, 3, 100);
    for number in 0..20 {
        let who = if number % 2 == 0 { "_TRANSPORT=kernel" } else { "_TRANSPORT=syslog" };
        forge.entry(1_000_000 * number, &["PRIORITY=3", who, &format!("MESSAGE=line {number}")]);
    }
    forge.bytes
}

#[test]
fn finds_the_entries_of_one_kind_in_every_form() {
    for (compact, keyed) in [(true, true), (true, false), (false, true), (false, false)] {
        let all = messages(forged(compact, keyed), "_TRANSPORT=kernel", 0, 100).expect("read");
        assert_eq!(all.0, (0..20).step_by(2).map(|number| format!("line {number}")).collect::<Vec<_>>());
        assert_eq!(all.1, 0);
    }
}

#[test]
fn begins_after_what_was_read_and_takes_the_newest_first() {
    // Numbers begin at 101, so that `line 10` is number 111.
    let newer = |after, most| messages(forged(true, true), "_TRANSPORT=kernel", after, most).expect("read");
    assert_eq!(newer(115, 100), (vec!["line 16".to_owned(), "line 18".to_owned()], 0));
    assert_eq!(newer(111, 2), (vec!["line 16".to_owned(), "line 18".to_owned()], 2));
    assert_eq!(newer(120, 100), (vec![], 0));
    assert_eq!(newer(0, 1), (vec!["line 18".to_owned()], 9));
    assert_eq!(newer(100, 10).0.len(), 10);
}

#[test]
fn what_no_entry_carries_is_not_found() {
    let file = JournalFile::new(forged(true, true));
    let header = file.header().expect("a header");
    assert_eq!(file.find(&header, "_TRANSPORT=audit").expect("read"), None);
    assert_eq!((header.entries, header.last_sequence, header.archived), (20, 120, false));
}

#[test]
fn refuses_what_is_not_a_journal_or_a_later_one() {
    assert!(matches!(JournalFile::new(b"LPKSHHRH".to_vec()).header(), Err(Fault::NotAJournal)));
    assert!(matches!(JournalFile::new(vec![0; 1000]).header(), Err(Fault::NotAJournal)));
    let mut later = forged(true, true);
    later[12] |= 1 << 6;
    assert!(matches!(JournalFile::new(later).header(), Err(Fault::Unknown(_))));
}

#[test]
fn what_is_compressed_is_left_out_whatever_it_would_become() {
    let mut bytes = forged(true, true);
    // A frame of zstd that claims to become four gigabytes, in the place of a message; each way to compress has a flag.
    let bomb = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, 0x53];
    let payload = b"MESSAGE=line 10";
    let at = bytes.windows(payload.len()).position(|window| window == payload).expect("it is there");
    bytes[at..at + bomb.len()].copy_from_slice(&bomb);
    for flag in [1, 2, 4] {
        bytes[at - 72 + 1] = flag;
        let (texts, _) = messages(bytes.clone(), "_TRANSPORT=kernel", 0, 100).expect("the rest is read");
        assert_eq!(texts.len(), 9, "{texts:?}");
    }
}

/// The journal of a Debian 12 machine on which services had been made to fail, cut after its last object.
#[test]
fn reads_what_systemd_wrote() {
    let bytes = include_bytes!("../../../../tests/fixtures/journal/debian12.journal").to_vec();
    let failed = "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c";
    let (texts, _) = messages(bytes, failed, 0, 100).expect("read");
    assert!(texts.contains(&"bad.service: Failed with result 'exit-code'.".to_owned()), "{texts:?}");
}

proptest! {
    #[test]
    fn a_damaged_file_is_a_fault_and_never_a_panic(
        at in proptest::collection::vec((0_usize..4096, any::<u8>()), 1..40),
        cut in 0_usize..6000,
        compact: bool,
    ) {
        let mut bytes = forged(compact, true);
        let length = bytes.len();
        for (place, value) in at {
            bytes[place % length] = value;
        }
        bytes.truncate(cut.max(1));
        if let Ok((texts, _)) = messages(bytes, "_TRANSPORT=kernel", 0, 50) {
            prop_assert!(texts.len() <= 50);
        }
    }
}
