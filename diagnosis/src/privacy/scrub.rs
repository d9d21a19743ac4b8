use super::address::{is_email, without_hardware_addresses};
use super::path::without_home;
use super::secret::{announces, looks_random};

/// Digits in a row that are a number of a person, a card or a telephone.
const DIGITS: usize = 9;

/// `text` without secrets, on one line, at most `chars` characters.
pub fn scrub(text: &str, chars: usize) -> String {
    let plain: String = text.chars().filter(|letter| !is_hidden(*letter)).collect();
    let plain = without_hardware_addresses(&without_url_secrets(&plain));
    let mut out = String::with_capacity(plain.len());
    let mut announced = false;
    for piece in plain.split_inclusive(is_separator) {
        let (word, separator) = split_separator(piece);
        out.push_str(&replacement(word, announced));
        out.push_str(separator);
        // `Authorization: Bearer x`: the words in between hand the suspicion on. `-u ann:hunter2`: so does a colon.
        announced = announces(word) || (announced && (word.is_empty() || separator == ":"));
    }
    match out.char_indices().nth(chars) {
        Some((end, _)) => out[..end].to_owned(),
        None => out,
    }
}

/// Control characters, and the marks that turn the direction of text around.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || "=:,;\"'()[]{}|&?".contains(letter)
}

fn split_separator(piece: &str) -> (&str, &str) {
    match piece.char_indices().next_back() {
        Some((end, letter)) if is_separator(letter) => piece.split_at(end),
        _ => (piece, ""),
    }
}

/// `https://ann:hunter2@proxy` as `https://<secret>@proxy`.
fn without_url_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let authority = after.split(|letter: char| letter.is_whitespace() || "/?#\"'<>".contains(letter)).next();
        let secret = authority.and_then(|authority| authority.rfind('@'));
        rest = match secret {
            Some(end) => {
                out.push_str("<secret>");
                &after[end..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

fn replacement(word: &str, announced: bool) -> String {
    if word.is_empty() || announces(word) {
        word.to_owned()
    } else if announced || looks_random(word) {
        "<secret>".to_owned()
    } else if !word.contains("<secret>") && is_email(word) {
        "<email>".to_owned()
    } else {
        without_home(word).unwrap_or_else(|| if is_uuid(word) { word.to_owned() } else { without_numbers(word) })
    }
}

/// The name of a boot, an endpoint, a connection: made up by a machine, and all digits only by chance.
fn is_uuid(word: &str) -> bool {
    let groups = word.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && word.bytes().all(|letter| letter.is_ascii_hexdigit() || letter == b'-')
}

/// Runs of nine and more digits as `<num>`.
fn without_numbers(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let others = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (taken, left) = rest.split_at(digits.max(others));
        out.push_str(if digits >= DIGITS { "<num>" } else { taken });
        rest = left;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaves_ordinary_words_alone() {
        for text in [
            "Debian GNU/Linux 12 (bookworm)",
            "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz",
            "6.1.0-28-amd64",
            "NetworkManager-wait-online.service",
            "/home/~",
            "c0ffee12-3456-7890-abcd-ef0123456789",
            "backup@.service",
            "getty@tty1.service",
            "error at 10:25:30",
            "usb 1-4.2: device descriptor read/64, error -71",
            "/usr/lib/x86_64-linux-gnu/libgtk-3.so.0.2406.32",
            "getaddrinfo collector.example.com: no answer within 2 s",
        ] {
            assert_eq!(scrub(text, 1024), text);
        }
    }

    #[test]
    fn takes_secrets_out() {
        let canaries = [
            "ann.smith@example.com",
            "hunter2",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "d41d8cd98f00b204e9800998ecf8427e",
            "AKIAabcd1234EXAMPLEkey99xyz",
            "123456789012",
        ];
        let text = format!(
            "mail {} --password={} jwt {} md5 {} id {} card {}",
            canaries[0], canaries[1], canaries[2], canaries[3], canaries[4], canaries[5]
        );
        let out = scrub(&text, 1024);
        for canary in canaries {
            assert!(!out.contains(canary), "{canary} is still in {out}");
        }
    }

    #[test]
    fn takes_out_what_people_paste() {
        for (text, out) in [
            ("curl -u ann:hunter2 https://x.example", "curl -u <secret>:<secret> https://x.example"),
            ("http://ann:hunter2@proxy.corp:3128/pac", "http://<secret>@proxy.corp:3128/pac"),
            ("key AKIAIOSFODNN7EXAMPLE", "key <secret>"),
            ("saw AKIAIOSFODNN7EXAMPLE there", "saw <secret> there"),
            ("push ghp_abcdefghijklmnop1234 failed", "push <secret> failed"),
            ("from 02:fc:00:12:34:56 to 02-FC-00-12-34-56", "from 02:fc:00:… to 02-FC-00-…"),
            ("/home/ann/Documents/divorce.odt", "~(+2)"),
            ("C:\\Users\\ann", "C:~"),
            ("card4929123456789012x", "card<num>x"),
            ("AccountKey=abc;Pwd=x", "AccountKey=<secret>;Pwd=<secret>"),
        ] {
            assert_eq!(scrub(text, 1024), out, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(text in "[ -~]{0,80}") {
            let once = scrub(&text, 1024);
            prop_assert_eq!(scrub(&once, 1024), once);
        }

        #[test]
        fn is_bounded_and_without_control_characters(text in "\\PC{0,300}|[\u{0}-\u{20}a-z]{0,50}", chars in 0usize..300) {
            let out = scrub(&text, chars);
            prop_assert!(out.chars().count() <= chars);
            prop_assert!(!out.chars().any(is_hidden));
        }
    }
}
