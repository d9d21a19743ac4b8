//! Paths into people's homes.

/// Where homes are.
const HOMES: [&str; 3] = ["/home/", "/Users/", "\\Users\\"];

/// The home in `word` as `~`, and what lies below it as a count; nothing when there is no home in it.
pub(super) fn without_home(word: &str) -> Option<String> {
    let (start, home) = HOMES.iter().find_map(|home| Some((word.find(home)?, *home)))?;
    let inside = &word[start + home.len()..];
    let separator = home.chars().next().unwrap_or('/');
    let mut steps = inside.split(separator).filter(|step| !step.is_empty());
    let owner = steps.next()?;
    // Already done, or nobody's.
    if owner == "~" || owner == "Shared" || owner == "Public" {
        return None;
    }
    let below = steps.count();
    let before = &word[..start];
    Some(if below == 0 { format!("{before}~") } else { format!("{before}~(+{below})") })
}
