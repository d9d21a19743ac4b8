//! Accounts, their passwords' ages, and the parts of a boot.

use jiff::civil::Date;

/// The home of a person in `passwd`.
pub(crate) fn home<'a>(passwd: &'a str, user: &str) -> Option<&'a str> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(5).filter(|home| home.starts_with('/'))
}

/// When a password expires by `chage -l`, seconds since 1970; `Some(None)` would be two answers in one, so never is
/// `None` inside: the outer one is for what cannot be understood.
#[expect(clippy::option_option, reason = "never, at a time, and unreadable are three answers")]
pub(crate) fn password_expires(chage: &str) -> Option<Option<i64>> {
    let said = chage.lines().find_map(|line| line.strip_prefix("Password expires")?.trim().strip_prefix(':'))?.trim();
    match said {
        "never" => Some(None),
        // Due at the next sign-in.
        "password must be changed" => Some(Some(0)),
        date => {
            let date = Date::strptime("%b %d, %Y", date).or_else(|_| Date::strptime("%Y-%m-%d", date)).ok()?;
            let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(Some(start.timestamp().as_second()))
        }
    }
}

/// Seconds of each phase of a boot, from systemd's times in microseconds. Firmware and loader are told as time before
/// the kernel; what a machine does not have is left out.
pub(crate) fn boot_phases(
    firmware: u64,
    loader: u64,
    initrd: u64,
    userspace: u64,
    finish: u64,
) -> Vec<(&'static str, f64)> {
    let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e6;
    let mut phases = Vec::new();
    if firmware > 0 {
        phases.push(("firmware", seconds(loader, firmware)));
    }
    if loader > 0 {
        phases.push(("loader", seconds(0, loader)));
    }
    if initrd > 0 {
        phases.push(("kernel", seconds(0, initrd)));
        phases.push(("initrd", seconds(initrd, userspace)));
    } else {
        phases.push(("kernel", seconds(0, userspace)));
    }
    phases.push(("userspace", seconds(userspace, finish)));
    phases.push(("total", seconds(0, firmware.max(loader)) + seconds(0, finish)));
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_homes_and_expiry() {
        assert_eq!(home("root:x:0:0::/root:/bin/sh\nada:x:1:1:Ada:/home/ada:/bin/sh\n", "ada"), Some("/home/ada"));
        assert_eq!(home("ada:x:1\n", "ada"), None);
        let chage = |said: &str| format!("Last password change\t\t: Jan 01, 2026\nPassword expires\t\t: {said}\n");
        assert_eq!(password_expires(&chage("never")), Some(None));
        assert_eq!(password_expires(&chage("Jul 01, 2026")), Some(Some(1_782_864_000)));
        assert_eq!(password_expires(&chage("password must be changed")), Some(Some(0)));
        assert_eq!(password_expires(&chage("soon")), None);
        assert_eq!(password_expires(""), None);
    }

    #[test]
    fn a_boot_has_the_phases_that_the_machine_has() {
        let phases = boot_phases(9_000_000, 2_000_000, 3_000_000, 5_000_000, 20_000_000);
        let expected = [
            ("firmware", 7.0),
            ("loader", 2.0),
            ("kernel", 3.0),
            ("initrd", 2.0),
            ("userspace", 15.0),
            ("total", 29.0),
        ];
        assert_eq!(phases, expected);
        assert_eq!(boot_phases(0, 0, 0, 1_000_000, 4_000_000), [("kernel", 1.0), ("userspace", 3.0), ("total", 4.0)]);
    }
}
