//! Evidence of which machine this is: SMBIOS identifiers and the system's own, normalised and hashed.
//!
//! A collector compares evidence to tell whether an endpoint that was enrolled again is the same machine, and which of
//! two machines with one key is the one that was enrolled. It never learns a serial: each value is a keyed hash, with the
//! collector's authority as the key, so that the same machine gives the same hash at the same collector and nobody else
//! can join them. What firmware makers left unfilled is no evidence. MAC addresses are not used at all: docks share them
//! and systems make them up.

use std::collections::BTreeMap;
use std::path::Path;

use firstline_diagnosis::order;

use crate::os::native;
use crate::probe::Pseudonyms;

/// What firmware says instead of nothing.
const JUNK: &str = include_str!("junk.txt");

/// What a system says of its hardware and of itself, as it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// SMBIOS UUID of the machine.
    pub(crate) product_uuid: Option<String>,
    /// Serial of the machine.
    pub(crate) serial: Option<String>,
    /// Serial of its main board.
    pub(crate) board_serial: Option<String>,
    /// The installed system's own name.
    pub(crate) machine_id: Option<String>,
}

/// Evidence of the machine below `root`, keyed with the fingerprint of the collector's authority: the one that the token
/// pins at enrolment, and the same for as long as the endpoint lives. What cannot be read is left out.
pub fn evidence(root: &Path, fingerprint: &[u8; 32]) -> BTreeMap<String, String> {
    let told = native::hardware(root);
    let found = [
        ("product_uuid", told.product_uuid.and_then(|text| uuid(&text))),
        ("serial", told.serial.and_then(|text| serial(&text))),
        ("board_serial", told.board_serial.and_then(|text| serial(&text))),
        ("machine_id", told.machine_id.and_then(|text| serial(&text))),
    ];
    let names = Pseudonyms::new(fingerprint);
    let hashed = found
        .into_iter()
        .filter_map(|(kind, value)| Some((kind.to_owned(), names.name(&format!("hardware.{kind}"), &value?))));
    order::map(hashed)
}

/// A serial as it is compared: upper case, letters and digits alone. Nothing when it says nothing.
fn serial(text: &str) -> Option<String> {
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    (plain.len() >= 3 && !is_junk(&plain)).then_some(plain)
}

/// An SMBIOS UUID as it is compared: 32 hexadecimal digits. Nothing when it says nothing.
///
/// SMBIOS keeps the first three fields little endian, and older firmware and tools do not: one machine shows as
/// `00112233-4455-6677-...` here and as `33221100-5544-7766-...` there, before and after an update of its firmware or
/// system. Of the two, the one that sorts first stands for both.
fn uuid(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_uppercase()).collect();
    let allowed = text.chars().all(|letter| letter.is_ascii_hexdigit() || "-{} ".contains(letter));
    if plain.len() != 32 || !allowed {
        return None;
    }
    let swapped = swapped(&plain);
    (!is_junk(&plain) && !is_junk(&swapped)).then(|| plain.clone().min(swapped))
}

/// The other byte order of the first three fields.
fn swapped(plain: &str) -> String {
    const ORDER: [usize; 8] = [3, 2, 1, 0, 5, 4, 7, 6];
    let bytes = ORDER.iter().map(|&byte| &plain[byte * 2..byte * 2 + 2]);
    bytes.chain([&plain[16..]]).collect()
}

/// Whether an identifier, in upper case and without punctuation, was left as it was by its maker.
fn is_junk(plain: &str) -> bool {
    let lower = plain.to_ascii_lowercase();
    let listed = JUNK.lines().filter(|line| !line.starts_with('#')).any(|line| line == lower);
    listed || is_repeated(&lower) || is_counting(&lower)
}

/// `0000000`, `ZZZZ`, and `0F0F0F0F`.
fn is_repeated(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=2).any(|period| bytes.len() > period && bytes.iter().zip(&bytes[period..]).all(|(one, other)| one == other))
}

/// `0123456789`, `123456`, `1234567890`, and so on round.
fn is_counting(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(10)).collect();
    digits.is_some_and(|digits| digits.len() > 3 && digits.windows(2).all(|two| (two[0] + 1) % 10 == two[1]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_maker_forgot_is_no_evidence() {
        for text in [
            "To be filled by O.E.M.",
            "To Be Filled By O.E.M.",
            "Default string",
            "None",
            "N/A",
            "Not Specified",
            "0",
            "00000000",
            "0000-0000",
            "System Serial Number",
            "ZZZZZZZ",
            "123456789",
            "0123456789",
            "1234567890",
            "...",
            "",
            "INVALID",
            "Not Applicable",
        ] {
            assert_eq!(serial(text), None, "{text:?}");
        }
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
            "00020003-0004-0005-0006-000700080009",
            "Not Settable",
            "12345678-1234-5678-1234-567812345678",
            "fefefefe-fefe-fefe-fefe-fefefefefefe",
        ] {
            assert_eq!(uuid(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_serial_is_the_same_however_it_is_written() {
        assert_eq!(serial(" pf-3k 7xyz\n"), Some("PF3K7XYZ".into()));
        assert_eq!(serial("VMware-56 4d 2a 10"), serial("vmware-564d2a10"));
    }

    #[test]
    fn evidence_is_hashed_for_one_collector_and_what_is_missing_is_left_out() {
        let root = tempfile::tempdir().expect("temporary directory");
        assert!(evidence(root.path(), &[1; 32]).is_empty());
        let dmi = root.path().join("sys/class/dmi/id");
        std::fs::create_dir_all(&dmi).expect("made");
        std::fs::write(dmi.join("product_serial"), "PF3K7XYZ\n").expect("written");
        std::fs::write(dmi.join("board_serial"), "Default string\n").expect("written");
        std::fs::write(dmi.join("product_uuid"), "00112233-4455-6677-8899-aabbccddeeff\n").expect("written");
        let here = evidence(root.path(), &[1; 32]);
        assert_eq!(here.keys().collect::<Vec<_>>(), ["product_uuid", "serial"]);
        assert!(!format!("{here:?}").contains("PF3K7XYZ"));
        assert_ne!(here, evidence(root.path(), &[2; 32]));
        std::fs::write(dmi.join("product_uuid"), "33221100-5544-7766-8899-AABBCCDDEEFF\n").expect("written");
        assert_eq!(evidence(root.path(), &[1; 32]), here, "the other byte order is the same machine");
    }

    proptest! {
        #[test]
        fn both_byte_orders_of_a_uuid_are_one(bytes in any::<[u8; 16]>()) {
            let text = uuid::Uuid::from_bytes(bytes);
            let other = uuid::Uuid::from_bytes(text.to_bytes_le());
            prop_assert_eq!(uuid(&text.to_string()), uuid(&other.braced().to_string().to_uppercase()));
        }

        #[test]
        fn different_uuids_stay_different(one in any::<[u8; 16]>(), two in any::<[u8; 16]>()) {
            let (one, two) = (uuid::Uuid::from_bytes(one), uuid::Uuid::from_bytes(two));
            prop_assume!(one != two && uuid::Uuid::from_bytes(one.to_bytes_le()) != two);
            let (left, right) = (uuid(&one.to_string()), uuid(&two.to_string()));
            prop_assert!(left.is_none() || left != right);
        }

        #[test]
        fn no_text_is_too_odd_and_normalising_twice_changes_nothing(text in ".{0,80}") {
            for normal in [serial(&text), uuid(&text)].into_iter().flatten() {
                prop_assert_eq!(serial(&normal), Some(normal.clone()));
            }
        }
    }
}
