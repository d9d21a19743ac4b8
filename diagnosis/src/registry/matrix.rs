use std::fmt::Write;

use super::{Area, Registry, Source};

/// One Markdown table an area: signal, what it is, cadence, privacy class, source on each system or why there is none.
pub(super) fn markdown(registry: &Registry) -> String {
    let mut page = String::new();
    for area in Area::ALL {
        let mut rows = registry.iter().filter(|spec| spec.area == area).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let _ = write!(page, "### {}\n\n", capitalised(area.name()));
        page.push_str("| signal | meaning | unit | read | about | Linux | Windows | macOS |\n");
        page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for spec in rows {
            let (linux, windows, macos) =
                (cell(&spec.source.linux), cell(&spec.source.windows), cell(&spec.source.macos));
            let unit = if spec.unit.is_empty() { String::new() } else { format!("`{}`", spec.unit) };
            let _ = writeln!(
                page,
                "| `{}` | {} | {unit} | {}{} | {} | {linux} | {windows} | {macos} |",
                spec.name,
                escaped(&spec.label),
                spec.tier.name(),
                if spec.for_tickets { ", sent for a ticket" } else { "" },
                spec.privacy.name(),
            );
        }
        page.push('\n');
    }
    page
}

fn cell(source: &Source) -> String {
    match source {
        Source::Api(api) => escaped(api),
        Source::None { none } => format!("none: {}", escaped(none)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
