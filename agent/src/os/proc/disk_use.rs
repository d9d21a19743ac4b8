//! What `du --bytes` prints: a size and a path in each line.

/// Sizes in bytes and the paths that they are of.
pub(crate) fn sizes(printed: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    printed.split(|byte| *byte == b'\n').filter_map(|line| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let bytes = std::str::from_utf8(&line[..tab]).ok()?.parse().ok()?;
        Some((bytes, &line[tab + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_leaves_out_what_is_none() {
        let printed = b"4096\t/home/ada/.thunderbird\n12\t/home/\xff\t\nx\t/odd\n\n18446744073709551616\t/more\n7";
        let told: Vec<_> = sizes(printed).collect();
        assert_eq!(told, [(4096, &b"/home/ada/.thunderbird"[..]), (12, b"/home/\xff\t")]);
    }
}
