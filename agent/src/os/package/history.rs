//! The diaries of package managers: what was installed when, and whether it worked.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// One run of a package manager.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Run {
    /// When it ended, seconds since 1970; when it has no end, when it began.
    pub(crate) at_seconds: i64,
    /// Packages that were installed, updated and removed.
    pub(crate) installed: u64,
    /// Packages that were updated.
    pub(crate) upgraded: u64,
    /// Packages that were removed.
    pub(crate) removed: u64,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Whether it ran by itself.
    pub(crate) unattended: bool,
}

/// apt's `history.log`, oldest first; its times are those of the wall in `zone`. A run that goes on is left out.
pub(crate) fn apt(text: &str, zone: &TimeZone) -> Vec<Run> {
    text.split("\n\n").filter_map(|stanza| apt_run(stanza, zone)).collect()
}

fn apt_run(stanza: &str, zone: &TimeZone) -> Option<Run> {
    let value = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let at_seconds = wall(value("End-Date")?, zone)?;
    Some(Run {
        at_seconds,
        installed: value("Install").map_or(0, packages),
        upgraded: value("Upgrade").map_or(0, packages),
        removed: value("Remove").map_or(0, packages) + value("Purge").map_or(0, packages),
        failed: value("Error").is_some(),
        unattended: value("Commandline").is_some_and(|command| command.contains("unattended-upgrade")),
    })
}

/// How many packages a line names: each is followed by its versions in parentheses.
fn packages(line: &str) -> u64 {
    line.matches('(').count() as u64
}

/// When something was last updated, by a diary with a line for each package: dnf's, zypper's or pacman's.
pub(crate) fn last_upgrade(diary: &str, zone: &TimeZone) -> Option<i64> {
    diary.lines().rev().filter(|line| is_upgrade(line)).find_map(|line| line_time(line, zone))
}

fn is_upgrade(line: &str) -> bool {
    // dnf: "... SUBDEBUG Upgraded: name"; pacman: "... [ALPM] upgraded name"; zypper: "time|install|name|...".
    [" Upgraded: ", " Upgrade: ", "[ALPM] upgraded ", "|install|"].iter().any(|sign| line.contains(sign))
}

/// The time that a line begins with: with an offset, or that of the wall.
fn line_time(line: &str, zone: &TimeZone) -> Option<i64> {
    let line = line.trim_start_matches('[');
    let end = line.find([']', '|']).or_else(|| line.find(" SUBDEBUG").or_else(|| line.find(" INFO"))).unwrap_or(0);
    let text = line.get(..end)?.trim();
    for format in ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%SZ"] {
        if let Ok(time) = jiff::fmt::strtime::parse(format, text) {
            let offset = time.offset().unwrap_or(jiff::tz::Offset::UTC);
            return Some(time.to_datetime().ok()?.to_zoned(offset.to_time_zone()).ok()?.timestamp().as_second());
        }
    }
    wall(text, zone)
}

/// A time of the wall, `2026-11-20  06:12:34`.
pub(crate) fn wall(text: &str, zone: &TimeZone) -> Option<i64> {
    let (date, time) = text.trim().split_once(' ')?;
    let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", format!("{date} {}", time.trim())).ok()?;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APT: &str = "
Start-Date: 2026-11-18  06:12:34
Commandline: /usr/bin/unattended-upgrade
Upgrade: libc6:amd64 (2.36-9+deb12u8, 2.36-9+deb12u9), libc-bin:amd64 (2.36-9+deb12u8, 2.36-9+deb12u9)
End-Date: 2026-11-18  06:12:40

Start-Date: 2026-11-20  09:00:00
Commandline: apt-get install cups
Requested-By: ada (1000)
Install: cups:amd64 (2.4.2-3), libcups2:amd64 (2.4.2-3, automatic)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
End-Date: 2026-11-20  09:00:10

Start-Date: 2026-11-20  09:10:00
Commandline: apt upgrade
";

    #[test]
    fn reads_apts_diary() {
        let runs = apt(APT, &TimeZone::UTC);
        assert_eq!(runs.len(), 2, "the one that goes on is left out");
        assert_eq!((runs[0].upgraded, runs[0].failed, runs[0].unattended), (2, false, true));
        assert_eq!((runs[1].installed, runs[1].failed, runs[1].unattended), (2, true, false));
        assert_eq!(runs[1].at_seconds - runs[0].at_seconds, 2 * 86_400 + 2 * 3600 + 47 * 60 + 30);
    }

    #[test]
    fn times_are_those_of_the_wall() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        assert_eq!(wall("2026-07-01  12:00:00", &berlin), Some(1_782_900_000));
        assert_eq!(wall("2026-07-01  12:00:00", &TimeZone::UTC), Some(1_782_907_200));
        assert_eq!(wall("yesterday", &TimeZone::UTC), None);
    }

    #[test]
    fn reads_when_the_others_last_updated() {
        let utc = TimeZone::UTC;
        let dnf = "2026-07-01T14:00:00+0200 SUBDEBUG Upgraded: glibc-2.39-1.fc40.x86_64\n2026-07-02T12:00:00+0000 INFO --- logging initialized ---\n";
        assert_eq!(last_upgrade(dnf, &utc), Some(1_782_907_200));
        let pacman = "[2026-07-01T12:00:00+0000] [ALPM] upgraded glibc (2.38-1 -> 2.39-1)\n[2026-07-01T13:00:00+0000] [PACMAN] Running\n";
        assert_eq!(last_upgrade(pacman, &utc), Some(1_782_907_200));
        let zypper = "# 2026-01-01 begun\n2026-07-01 12:00:00|install|glibc|2.38-1|x86_64||repo|\n";
        assert_eq!(last_upgrade(zypper, &utc), Some(1_782_907_200));
        assert_eq!(last_upgrade("nothing\n", &utc), None);
    }

    #[test]
    fn nonsense_is_nothing() {
        assert_eq!(apt("End-Date: soon\n\n\u{fffd}\nEnd-Date: 2026-13-40  99:00:00", &TimeZone::UTC), []);
    }
}
