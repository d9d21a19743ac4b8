//! Addresses of people and of hardware.

/// The ends of systemd's unit names, which look like an address with their `@`.
const UNITS: [&str; 11] =
    ["service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"];

/// Whether `word` is an e-mail address, and not a unit that was started for somebody (`getty@tty1.service`).
pub(super) fn is_email(word: &str) -> bool {
    let Some((name, domain)) = word.trim_end_matches('.').split_once('@') else { return false };
    let labels: Vec<&str> = domain.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    !name.is_empty()
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && !label.contains('@'))
        && !UNITS.contains(&last.to_ascii_lowercase().as_str())
}

/// `text` with the second half of every hardware address taken out: the first tells the maker and nothing more.
pub(super) fn without_hardware_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let follows_word = out.ends_with(|before: char| before.is_ascii_alphanumeric() || before == ':');
        let address = rest.get(..ADDRESS_LETTERS).filter(|word| is_hardware_address(word, &rest[word.len()..]));
        if let Some(address) = address.filter(|_| !follows_word) {
            out.push_str(&address[..8]);
            out.push(char::from(address.as_bytes()[2]));
            out.push('…');
            rest = &rest[ADDRESS_LETTERS..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// `02:fc:00:00:00:01`.
const ADDRESS_LETTERS: usize = 17;

fn is_hardware_address(word: &str, after: &str) -> bool {
    let bytes = word.as_bytes();
    let separator = bytes[2];
    let ends = !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == ':');
    ends && (separator == b':' || separator == b'-')
        && bytes.iter().enumerate().all(
            |(place, letter)| {
                if place % 3 == 2 { *letter == separator } else { letter.is_ascii_hexdigit() }
            },
        )
}
