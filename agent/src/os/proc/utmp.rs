//! `/run/utmp`: who signed in at a terminal. Only counted; names do not leave this function.

use std::collections::BTreeSet;

/// Bytes of a record on every architecture with 32-bit times in it, which is all of glibc's.
const RECORD: usize = 384;
/// `ut_type` of a record of a signed-in person.
const USER_PROCESS: i16 = 7;
const USER: std::ops::Range<usize> = 44..76;

/// How many different people have a record.
pub(crate) fn people(bytes: &[u8]) -> usize {
    let records =
        bytes.chunks_exact(RECORD).filter(|record| i16::from_ne_bytes([record[0], record[1]]) == USER_PROCESS);
    let names: BTreeSet<&[u8]> = records
        .filter_map(|record| record[USER].split(|&byte| byte == 0).next())
        .filter(|name| !name.is_empty())
        .collect();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: i16, user: &str) -> Vec<u8> {
        let mut record = vec![0; RECORD];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record
    }

    #[test]
    fn counts_people_and_not_terminals() {
        let bytes =
            [record(2, "reboot"), record(7, "ada"), record(7, "ada"), record(7, "grace"), record(8, "old")].concat();
        assert_eq!(people(&bytes), 2);
    }

    #[test]
    fn a_torn_record_does_not_count() {
        assert_eq!(people(&record(7, "ada")[..300]), 0);
        assert_eq!(people(&[]), 0);
    }
}
