//! `/proc/net/fib_trie`: the ways of every routing table.

/// Whether the table of this number leads anywhere.
pub(crate) fn has_ways(text: &str, table: u32) -> bool {
    let head = format!("Id {table}:");
    let after = text.lines().skip_while(|line| line.trim_end() != head).skip(1);
    // The next table begins at the edge.
    let mut own = after.take_while(|line| line.starts_with(' '));
    own.any(|line| line.trim_start().starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "\
Id 220:
  |-- 10.9.0.0
     /16 link UNICAST
Id 221:
Main:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.0
        /8 host LOCAL
";

    #[test]
    fn a_table_has_its_own_ways_and_no_others() {
        assert!(has_ways(TABLES, 220));
        assert!(!has_ways(TABLES, 221), "the ways behind it are those of the next table");
        assert!(!has_ways(TABLES, 22) && !has_ways("", 220));
    }
}
