//! The pages and registers of SATA disks: attributes, thresholds, the verdict, whether the disk sleeps.

/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 512;

/// Entries of a page, and bytes of each.
const ENTRIES: usize = 30;
const ENTRY_BYTES: usize = 12;

/// One attribute as the disk keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) id: u8,
    /// How good the maker finds it, 1 to 253; larger is better.
    pub(crate) value: u8,
    /// Six bytes of whatever the maker means.
    pub(crate) bytes: u64,
}

/// What a command left in the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) error: u8,
    pub(crate) status: u8,
    pub(crate) count: u8,
    pub(crate) lba_mid: u8,
    pub(crate) lba_high: u8,
}

/// Decodes the page of attributes. A page whose sum is wrong is none.
pub(crate) fn attributes(page: &[u8]) -> Option<Vec<Raw>> {
    let attribute = |entry: &[u8]| {
        let mut raw = [0; 8];
        raw[..6].copy_from_slice(&entry[5..11]);
        Raw { id: entry[0], value: entry[3], bytes: u64::from_le_bytes(raw) }
    };
    Some(entries(page)?.map(attribute).collect())
}

/// Decodes the page of thresholds: attribute, and the value at which it counts as failed.
pub(crate) fn thresholds(page: &[u8]) -> Option<Vec<(u8, u8)>> {
    Some(entries(page)?.map(|entry| (entry[0], entry[1])).collect())
}

/// Entries that are in use.
fn entries(page: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let page = page.get(..PAGE_BYTES)?;
    let sum = page.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let all = page[2..2 + ENTRIES * ENTRY_BYTES].chunks_exact(ENTRY_BYTES);
    (sum == 0).then(|| all.filter(|entry| entry[0] != 0))
}

/// The registers in the sense data of a command that asked for them, in either format.
pub(crate) fn registers(sense: &[u8]) -> Option<Registers> {
    match sense.first()? & 0x7f {
        0x72 | 0x73 => {
            let found = sense.get(8..22).filter(|descriptor| descriptor[0] == 9 && descriptor[1] == 12)?;
            Some(Registers {
                error: found[3],
                count: found[5],
                lba_mid: found[9],
                lba_high: found[11],
                status: found[13],
            })
        }
        0x70 | 0x71 => {
            let found = sense.get(..12)?;
            Some(Registers {
                error: found[3],
                status: found[4],
                count: found[6],
                lba_mid: found[10],
                lba_high: found[11],
            })
        }
        _ => None,
    }
}

/// Whether a disk that answered this to "check power mode" sleeps.
pub(crate) fn is_asleep(registers: Registers) -> bool {
    // Standby, standby_y, and a disk that spins down behind its cache.
    matches!(registers.count, 0x00 | 0x01 | 0x40)
}

/// The verdict that a disk leaves in the registers; absent when it left something else.
pub(crate) fn verdict(registers: Registers) -> Option<bool> {
    match (registers.lba_mid, registers.lba_high) {
        (0x4f, 0xc2) => Some(true),
        (0xf4, 0x2c) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(entries: &[[u8; ENTRY_BYTES]]) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[0] = 16;
        for (index, entry) in entries.iter().enumerate() {
            page[2 + index * ENTRY_BYTES..][..ENTRY_BYTES].copy_from_slice(entry);
        }
        page[PAGE_BYTES - 1] = page.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        page
    }

    #[test]
    fn reads_attributes_that_are_in_use() {
        let page = page(&[
            [5, 0x33, 0, 100, 99, 8, 1, 0, 0, 0, 0, 0],
            [0; 12],
            [197, 0x12, 0, 100, 100, 24, 0, 0, 0, 0, 0, 0],
        ]);
        let found = attributes(&page).expect("a good page");
        assert_eq!(found, [Raw { id: 5, value: 100, bytes: 264 }, Raw { id: 197, value: 100, bytes: 24 }]);
        assert_eq!(thresholds(&page).expect("a good page")[0], (5, 0x33));
    }

    #[test]
    fn a_page_whose_sum_is_wrong_is_none() {
        let mut torn = page(&[[5, 0, 0, 100, 99, 8, 0, 0, 0, 0, 0, 0]]);
        torn[7] ^= 1;
        assert_eq!(attributes(&torn), None);
        assert_eq!(attributes(&torn[..100]), None);
    }

    #[test]
    fn finds_registers_in_both_formats_of_sense_data() {
        // As libata answers "check power mode" for a disk that is active, and "return status" for one that fails.
        let active = [0x72, 1, 0, 0x1d, 0, 0, 0, 14, 9, 12, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0x40, 0x50];
        let fixed = [0x70, 0, 1, 0, 0x50, 0x40, 0, 10, 0, 0, 0xf4, 0x2c, 0, 0x1d];
        let active = registers(&active).expect("found");
        assert_eq!((active.count, active.status), (0xff, 0x50));
        assert!(!is_asleep(active));
        let failing = registers(&fixed).expect("found");
        assert_eq!(verdict(failing), Some(false));
        assert!(is_asleep(failing), "its count is zero, which means standby when power mode was asked");
        assert_eq!(registers(&[0x72, 0, 0, 0]), None);
        assert_eq!(registers(&[]), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = (attributes(&bytes), thresholds(&bytes), registers(&bytes));
        }
    }
}
