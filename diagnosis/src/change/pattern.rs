/// Whether `text` fits `pattern`, in which `*` stands for any letters; small letters are as good as large ones.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let Some((first, pieces)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

/// Whether `text` fits any of the patterns.
pub(super) fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, text) in [
            ("firefox*", "firefox-esr"),
            ("*teams*", "Microsoft-Teams-classic"),
            ("*-dkms", "v4l2loopback-dkms"),
            ("endpoint.nic.*", "endpoint.nic.mtu"),
            ("a*b*c", "a-b-b-c"),
            ("*", ""),
            ("code", "code"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("code", "code-oss"), ("*-dkms", "dkms"), ("a*b", "abc"), ("a*a", "a"), ("", "x")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
