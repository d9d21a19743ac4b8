//! Log page 2 of an NVMe disk, "SMART / Health Information".

/// Bytes of the page.
pub(crate) const PAGE_BYTES: usize = 512;

/// A unit of data in the log is a thousand sectors of 512 bytes.
const DATA_UNIT_BYTES: u64 = 512_000;

/// The part of the log that findings use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// Bits: 0 spare low, 1 temperature, 2 reliability, 3 read-only, 4 backup power, 5 persistent memory.
    pub(crate) critical_warning: u8,
    pub(crate) celsius: Option<i32>,
    pub(crate) spare_percent: u8,
    pub(crate) spare_threshold_percent: u8,
    /// May exceed 100.
    pub(crate) used_percent: u8,
    pub(crate) written_bytes: u64,
    pub(crate) unsafe_shutdowns: u64,
    pub(crate) media_errors: u64,
    /// Minutes above the temperature of the first warning, and of the second.
    pub(crate) warm_minutes: u32,
    pub(crate) hot_minutes: u32,
}

/// Decodes the page. One that is empty is no log.
pub(crate) fn parse(page: &[u8]) -> Option<Log> {
    let page: &[u8; PAGE_BYTES] = page.get(..PAGE_BYTES)?.try_into().ok()?;
    let long = |at: usize| u128::from_le_bytes(page[at..at + 16].try_into().expect("sixteen bytes"));
    let word = |at: usize| u32::from_le_bytes(page[at..at + 4].try_into().expect("four bytes"));
    let count = |at: usize| u64::try_from(long(at)).unwrap_or(u64::MAX);
    let kelvin = i32::from(u16::from_le_bytes([page[1], page[2]]));
    let is_empty = page.iter().all(|byte| *byte == 0) || page.iter().all(|byte| *byte == 0xff);
    (!is_empty).then(|| Log {
        critical_warning: page[0],
        celsius: (kelvin > 0).then_some(kelvin - 273),
        spare_percent: page[3],
        spare_threshold_percent: page[4],
        used_percent: page[5],
        written_bytes: count(48).saturating_mul(DATA_UNIT_BYTES),
        unsafe_shutdowns: count(144),
        media_errors: count(160),
        warm_minutes: word(192),
        hot_minutes: word(196),
    })
}

/// The warning as UDisks2 spells its bits.
pub(crate) fn warning_bits<'a>(words: impl IntoIterator<Item = &'a str>) -> u8 {
    const BITS: [&str; 6] = ["spare", "temperature", "degraded", "readonly", "volatile_mem", "pmr_readonly"];
    let bit = |word: &str| BITS.iter().position(|known| *known == word).map_or(0, |bit| 1_u8 << bit);
    words.into_iter().map(bit).fold(0, |all, bit| all | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(fill: impl FnOnce(&mut [u8; PAGE_BYTES])) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        fill(&mut page);
        page
    }

    #[test]
    fn reads_each_field_where_the_specification_puts_it() {
        let page = page(|page| {
            page[0] = 0b101;
            page[1..3].copy_from_slice(&311_u16.to_le_bytes());
            (page[3], page[4], page[5]) = (9, 10, 103);
            page[48..56].copy_from_slice(&2_000_u64.to_le_bytes());
            page[144] = 107;
            page[160..162].copy_from_slice(&258_u16.to_le_bytes());
            page[192] = 30;
            page[196] = 2;
        });
        let log = parse(&page).expect("a log");
        assert_eq!((log.critical_warning, log.celsius), (5, Some(38)));
        assert_eq!((log.spare_percent, log.spare_threshold_percent, log.used_percent), (9, 10, 103));
        assert_eq!((log.written_bytes, log.unsafe_shutdowns, log.media_errors), (1_024_000_000, 107, 258));
        assert_eq!((log.warm_minutes, log.hot_minutes), (30, 2));
    }

    #[test]
    fn an_empty_page_is_no_log() {
        assert_eq!(parse(&page(|_| ())), None);
        assert_eq!(parse(&[0xff; PAGE_BYTES]), None);
        assert_eq!(parse(&[1; 100]), None);
    }

    #[test]
    fn spells_warnings_as_bits() {
        assert_eq!(warning_bits(["readonly", "spare"]), 0b1001);
        assert_eq!(warning_bits([]), 0);
        assert_eq!(warning_bits(["something new"]), 0);
    }

    proptest! {
        #[test]
        fn never_panics(page in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&page);
        }
    }
}
