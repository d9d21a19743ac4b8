//! dpkg's diary, `/var/log/dpkg.log`: what was done to which package, and when.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::history::wall;

/// By package: the version that it has since then, none when it was removed, and when that was, seconds since 1970. The
/// name has its architecture only where an inventory's has it, too.
pub(crate) type Deeds = BTreeMap<String, (Option<String>, i64)>;

/// Adds what `text` tells to `deeds`.
pub(crate) fn read(text: &str, zone: &TimeZone, deeds: &mut Deeds) {
    for line in text.lines() {
        if let Some((name, version, at_seconds)) = deed(line, zone) {
            deeds.insert(name, (version, at_seconds));
        }
    }
}

/// `2026-11-20 09:00:05 upgrade cups:amd64 2.4.2-3 2.4.2-4`; of a removal the last version is `<none>`.
fn deed(line: &str, zone: &TimeZone) -> Option<(String, Option<String>, i64)> {
    let mut words = line.split(' ');
    let time = format!("{} {}", words.next()?, words.next()?);
    let (deed, package, _, version) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if !["install", "upgrade", "remove", "purge"].contains(&deed) {
        return None;
    }
    let name = match package.split_once(':') {
        Some((_, "i386")) | None => package,
        Some((name, _)) => name,
    };
    let version = Some(version).filter(|version| *version != "<none>").map(str::to_owned);
    Some((name.to_owned(), version, wall(&time, zone)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_deed_counts() {
        let log = "\
2026-11-20 09:00:01 startup archives unpack
2026-11-20 09:00:05 install cups:amd64 <none> 2.4.2-3
2026-11-20 09:00:06 status installed cups:amd64 2.4.2-3
2026-11-20 09:10:05 upgrade cups:amd64 2.4.2-3 2.4.2-4
2026-11-20 09:10:06 configure cups:amd64 2.4.2-4 <none>
2026-11-20 09:11:00 upgrade wine:i386 8.0 8.1
2026-11-20 09:12:00 remove old:all 1.0 <none>
2026-13-40 99:00:00 install odd:all 1.0 2.0
garbage
";
        let mut deeds = Deeds::new();
        read(log, &TimeZone::UTC, &mut deeds);
        let names: Vec<_> = deeds.iter().map(|(name, (version, _))| (name.as_str(), version.as_deref())).collect();
        assert_eq!(names, [("cups", Some("2.4.2-4")), ("old", None), ("wine:i386", Some("8.1"))]);
        assert_eq!(deeds["old"].1 - deeds["cups"].1, 115);
    }
}
