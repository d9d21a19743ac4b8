//! `/proc/mdstat`.

/// One array of disks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) name: String,
    /// Disks that it should have and has not.
    pub(crate) missing: u64,
}

/// The arrays that keep data twice. Others cannot miss a disk and live.
pub(crate) fn parse(text: &str) -> Vec<Array> {
    let mut arrays = Vec::new();
    let mut name = None;
    for line in text.lines() {
        if let Some((first, rest)) = line.split_once(" : ") {
            name = rest.starts_with("active").then(|| first.trim().to_owned());
        } else if let Some(missing) = missing(line)
            && let Some(name) = name.take()
        {
            arrays.push(Array { name, missing });
        }
    }
    arrays
}

/// What `[2/1]` in the second line of an array says.
fn missing(line: &str) -> Option<u64> {
    let counts = line.split('[').skip(1).filter_map(|part| part.split_once(']').map(|(inside, _)| inside));
    let pair = |inside: &str| {
        inside.split_once('/').and_then(|(all, here)| Some((all.parse::<u64>().ok()?, here.parse::<u64>().ok()?)))
    };
    counts.filter_map(pair).map(|(all, here)| all.saturating_sub(here)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
Personalities : [raid1] [raid6] [raid5] [raid4]
md127 : active raid1 sdb1[1](F) sda1[0]
      976630464 blocks super 1.2 [2/1] [U_]
      bitmap: 3/8 pages [12KB], 65536KB chunk

md0 : active raid5 sde1[3] sdd1[1] sdc1[0]
      1953260544 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/3] [UUU]
      [=>...................]  check =  8.5% (83012864/976630272) finish=88.2min speed=168763K/sec

md1 : inactive sdf1[0](S)
      976630464 blocks super 1.2

unused devices: <none>
";

    #[test]
    fn finds_the_array_that_misses_a_disk() {
        let found = parse(TEXT);
        assert_eq!(found, [Array { name: "md127".into(), missing: 1 }, Array { name: "md0".into(), missing: 0 }]);
        assert_eq!(parse("Personalities : \nunused devices: <none>\n"), []);
    }

    proptest! {
        #[test]
        fn never_panics(text in "((md[0-9] : active raid1)?[ \\[\\]/0-9U_]{0,20}\n){0,6}") {
            let _ = parse(&text);
        }
    }
}
