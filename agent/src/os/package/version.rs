//! The order of Debian's package versions, as deb-version(7) defines it.

use std::cmp::Ordering;

/// Compares two versions: epoch as a number, then the version of the program, then the revision of the package.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (Version::of(one), Version::of(other));
    one.epoch
        .cmp(&other.epoch)
        .then_with(|| compare_part(one.upstream, other.upstream))
        .then_with(|| compare_part(one.revision, other.revision))
}

struct Version<'a> {
    epoch: u64,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim();
        let (epoch, rest) = match text.split_once(':') {
            // A colon after something else than a number belongs to the version.
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
                (epoch.parse().unwrap_or(0), rest)
            }
            _ => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch, upstream, revision }
    }
}

/// Compares two parts: letters and signs by their weight, runs of digits as numbers, in turns.
fn compare_part(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while !one.is_empty() || !other.is_empty() {
        let (words, other_words) = (words(&mut one), words(&mut other));
        let length = words.len().max(other_words.len());
        // Where one ends, its end weighs what a digit weighs: less than a letter, more than a tilde.
        let weights = |word: &[u8], index: usize| word.get(index).map_or(0, |&byte| weight(byte));
        let differs = (0..length).map(|index| weights(words, index).cmp(&weights(other_words, index)));
        let by_words = differs.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        let by_digits = || compare_number(digits(&mut one), digits(&mut other));
        match by_words.then_with(by_digits) {
            Ordering::Equal => {}
            order => return order,
        }
    }
    Ordering::Equal
}

/// Takes everything up to the next digit.
fn words<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    take(text, |byte| !byte.is_ascii_digit())
}

/// Takes a run of digits, without the zeros before it.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    take(text, |byte| byte == b'0');
    take(text, |byte| byte.is_ascii_digit())
}

fn take<'a>(text: &mut &'a [u8], wanted: impl Fn(u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|&byte| !wanted(byte)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

/// Numbers of any length, without zeros before them.
fn compare_number(one: &[u8], other: &[u8]) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

fn weight(byte: u8) -> i32 {
    match byte {
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(letter),
        sign => i32::from(sign) + 256,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    #[test]
    fn orders_what_the_manual_orders() {
        let rising = ["~~", "~~a", "~", "", "a"];
        for pair in rising.windows(2) {
            assert_eq!(compare_part(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        for (one, other, order) in [
            ("1.0-1", "1.0-1", Ordering::Equal),
            ("1.0", "1.0-0", Ordering::Equal),
            ("1:0.1", "2.0", Ordering::Greater),
            ("2.36-9+deb12u8", "2.36-9+deb12u10", Ordering::Less),
            ("1.0~rc1-1", "1.0-1", Ordering::Less),
            ("6.1.0-28", "6.1.0-9", Ordering::Greater),
            ("1.001", "1.1", Ordering::Equal),
            ("1.0-1~bpo12+1", "1.0-1", Ordering::Less),
            ("10000000000000000000001", "10000000000000000000002", Ordering::Less),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
        }
    }

    fn dpkg_says(one: &str, operator: &str, other: &str) -> Option<bool> {
        let status = Command::new("dpkg").args(["--compare-versions", one, operator, other]).status().ok()?;
        Some(status.success())
    }

    proptest! {
        #[test]
        fn is_an_order(one in "[0-9a-z.+~:-]{0,16}", other in "[0-9a-z.+~:-]{0,16}", third in "[0-9a-z.+~:-]{0,16}") {
            prop_assert_eq!(compare(&one, &other), compare(&other, &one).reverse());
            prop_assert_eq!(compare(&one, &one), Ordering::Equal);
            if compare(&one, &other).is_le() && compare(&other, &third).is_le() {
                prop_assert!(compare(&one, &third).is_le());
            }
        }
    }

    /// dpkg itself is the judge, where it is installed; elsewhere the table above has to do.
    #[test]
    fn agrees_with_dpkg() {
        let version = "([0-9]{1,2}:)?[0-9][0-9a-c.+~]{0,8}(-[0-9a-c+.~]{1,4})?";
        let mut runner = TestRunner::new(Config::with_cases(300));
        runner
            .run(&(version, version), |(one, other)| {
                let order = compare(&one, &other);
                if let Some(said) = dpkg_says(&one, "lt", &other) {
                    prop_assert_eq!(said, order.is_lt(), "{} lt {}", one, other);
                }
                if let Some(said) = dpkg_says(&one, "eq", &other) {
                    prop_assert_eq!(said, order.is_eq(), "{} eq {}", one, other);
                }
                Ok(())
            })
            .expect("the same order");
    }
}
