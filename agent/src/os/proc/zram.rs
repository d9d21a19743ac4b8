//! `/sys/block/zram*/mm_stat`.

/// Bytes of memory that a compressed disk takes: the third number, which counts its administration too.
pub(crate) fn used_bytes(mm_stat: &str) -> Option<u64> {
    mm_stat.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_really_taken() {
        let text = " 1073741824 268435456 281018368        0 281018368     1024     4096      512        0\n";
        assert_eq!(used_bytes(text), Some(281_018_368));
        assert_eq!(used_bytes("1 2"), None);
        assert_eq!(used_bytes("1 2 x"), None);
    }
}
