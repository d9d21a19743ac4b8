//! Which installed kernel is newer than the one that runs.

use super::version::compare;

/// The newest of `installed` that is newer than `running` and of its kind; a cloud kernel is no successor of a
/// desktop's.
pub(crate) fn newer<'a>(running: &str, installed: &'a [String]) -> Option<&'a str> {
    let same_kind = installed.iter().filter(|version| kind(version) == kind(running));
    let newest = same_kind.max_by(|one, other| compare(one, other))?;
    compare(newest, running).is_gt().then_some(newest)
}

/// The words of a version, without its numbers: `6.1.0-28-cloud-amd64` is of the kind `cloud-amd64`.
fn kind(version: &str) -> String {
    let words = version.split('-').filter(|part| part.starts_with(|first: char| first.is_ascii_alphabetic()));
    let words: Vec<_> = words
        .map(|word| word.trim_end_matches(|last: char| last.is_ascii_digit() && !word.starts_with("amd")))
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newer_than(running: &str, installed: &[&str]) -> Option<String> {
        let installed: Vec<String> = installed.iter().map(|version| (*version).to_owned()).collect();
        newer(running, &installed).map(str::to_owned)
    }

    #[test]
    fn compares_numbers_and_not_letters() {
        let both = ["6.1.0-9-amd64", "6.1.0-28-amd64"];
        assert_eq!(newer_than("6.1.0-9-amd64", &both).as_deref(), Some("6.1.0-28-amd64"));
        assert_eq!(newer_than("6.1.0-28-amd64", &both), None);
        assert_eq!(
            newer_than("6.11.4-301.fc41.x86_64", &["6.11.10-300.fc41.x86_64"]).as_deref(),
            Some("6.11.10-300.fc41.x86_64")
        );
        assert_eq!(newer_than("6.12.1-arch1-1", &["6.12.2-arch2-1"]).as_deref(), Some("6.12.2-arch2-1"));
    }

    #[test]
    fn another_kind_of_kernel_is_no_successor() {
        assert_eq!(newer_than("6.1.0-9-amd64", &["6.1.0-28-cloud-amd64", "6.8.0-49-generic"]), None);
        assert_eq!(newer_than("6.1.0-9-amd64", &[]), None);
    }
}
