//! Steps of runbooks, with the names that a finding knows in their commands.

/// A step whose placeholders (`{mountpoint}`) hold what the instance is; `binding` is attributes and values.
///
/// What is filled in is read from a machine and pasted into a terminal by somebody in a hurry: anything but letters, digits
/// and what paths are made of stands between quotes, and where these would not hold it, a word stands instead
/// (`MOUNTPOINT`), as in the manual.
pub(crate) fn filled(step: &str, binding: &[(&str, &str)], os_type: &str) -> String {
    binding.iter().fold(step.to_owned(), |step, (attribute, value)| {
        let placeholder = format!("{{{attribute}}}");
        if step.contains(&placeholder) {
            step.replace(&placeholder, &quoted(value, os_type).unwrap_or_else(|| word(attribute)))
        } else {
            step
        }
    })
}

/// A value as one word of a command; nothing where that cannot be.
fn quoted(value: &str, os_type: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._@:+-".contains(letter);
    if !value.is_empty() && !value.starts_with('-') && value.chars().all(is_plain) {
        return Some(value.to_owned());
    }
    // A backtick would end the command on screens, and other shells have other quotes.
    let is_safe = |letter: char| !letter.is_control() && !"'`\\".contains(letter);
    (os_type != "windows" && !value.is_empty() && !value.starts_with('-') && value.chars().all(is_safe))
        .then(|| format!("'{value}'"))
}

/// `DEVICE` of `system.device`.
fn word(attribute: &str) -> String {
    attribute.rsplit('.').next().unwrap_or(attribute).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = "Run `du -xh {mountpoint}`.";

    fn step(value: &str, os_type: &str) -> String {
        filled(STEP, &[("mountpoint", value)], os_type)
    }

    #[test]
    fn a_command_names_what_the_finding_is_about() {
        assert_eq!(step("/srv/data", "linux"), "Run `du -xh /srv/data`.");
        assert_eq!(filled(STEP, &[("system.device", "sda")], "linux"), STEP);
        assert_eq!(
            filled("`smartctl -a /dev/{system.device}`", &[("system.device", "sda")], "linux"),
            "`smartctl -a /dev/sda`"
        );
    }

    #[test]
    fn no_name_becomes_a_command_of_its_own() {
        assert_eq!(step("/media/my disk; reboot", "linux"), "Run `du -xh '/media/my disk; reboot'`.");
        assert_eq!(step("/media/$(reboot)", "darwin"), "Run `du -xh '/media/$(reboot)'`.");
        for value in ["/media/a'; reboot; '", "/media/`reboot`", "-rf", "", "a\nreboot", "\\"] {
            assert_eq!(step(value, "linux"), "Run `du -xh MOUNTPOINT`.", "{value:?}");
        }
        assert_eq!(step("a & reboot", "windows"), "Run `du -xh MOUNTPOINT`.");
    }
}
