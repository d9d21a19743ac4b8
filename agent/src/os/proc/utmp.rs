//! `/run/utmp`: who signed in at a terminal.

use std::ops::Range;

/// Bytes of a record on every architecture with 32-bit times in it, which is all of glibc's.
const RECORD: usize = 384;
/// `ut_type` of a record of a signed-in person.
const USER_PROCESS: i16 = 7;
const PID: Range<usize> = 4..8;
const USER: Range<usize> = 44..76;

/// Sign-ins with the process that holds each: the record of one that ended without a word stays behind.
pub(crate) fn sign_ins(bytes: &[u8]) -> Vec<(u32, String)> {
    bytes.chunks_exact(RECORD).filter_map(sign_in).collect()
}

fn sign_in(record: &[u8]) -> Option<(u32, String)> {
    if i16::from_ne_bytes([record[0], record[1]]) != USER_PROCESS {
        return None;
    }
    let pid = u32::from_ne_bytes(record[PID].try_into().ok()?);
    let name = record[USER].split(|&byte| byte == 0).next().unwrap_or_default();
    (!name.is_empty()).then(|| (pid, String::from_utf8_lossy(name).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: i16, pid: u32, user: &str) -> Vec<u8> {
        let mut record = vec![0; RECORD];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[PID].copy_from_slice(&pid.to_ne_bytes());
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record
    }

    #[test]
    fn tells_people_and_not_boots_and_ended_sessions() {
        let bytes =
            [record(2, 0, "reboot"), record(7, 41, "ada"), record(7, 42, "grace"), record(8, 43, "old")].concat();
        assert_eq!(sign_ins(&bytes), [(41, "ada".to_owned()), (42, "grace".to_owned())]);
    }

    #[test]
    fn a_torn_record_does_not_count() {
        assert!(sign_ins(&record(7, 41, "ada")[..300]).is_empty());
        assert!(sign_ins(&[]).is_empty());
    }
}
