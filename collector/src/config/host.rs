use std::net::IpAddr;

/// Refuses what cannot be the name or the address of a host.
pub(super) fn check(key: &str, text: &str) -> Result<(), String> {
    if is_host(text) {
        return Ok(());
    }
    let meant = bare(text);
    let guess = if is_host(meant) { format!("; did you mean `{meant}`?") } else { String::new() };
    Err(format!("{key} holds {text:?}, which is no name or address of a host{guess}"))
}

fn is_host(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
    let is_name = || text.len() <= 254 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
    text.parse::<IpAddr>().is_ok() || is_name()
}

/// What is left of an address of the web, or of a name with a port.
fn bare(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => text.split(':').next().unwrap_or(text),
    }
}
