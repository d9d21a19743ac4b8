//! What people wrote, from the HTML of their mail programs.

/// What a person wrote, from the HTML of their mail program.
pub(super) fn plain(html: &str) -> String {
    // As long as the text itself, letter for letter.
    let low = html.to_ascii_lowercase();
    let mut text = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(start) = low[at..].find('<').map(|start| at + start) {
        text.push_str(&html[at..start]);
        let tag = &low[start + 1..];
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if matches!(name.as_str(), "br" | "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3") {
            text.push('\n');
        }
        let end = match name.as_str() {
            "style" | "script" | "head" if !tag.starts_with('/') => tag.find(&format!("</{name}")),
            _ => tag.find('>').map(|end| end + 1),
        };
        // What never ends hides the rest.
        at = end.map_or(html.len(), |end| start + 1 + end);
    }
    text.push_str(&html[at..]);
    for (name, letter) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(name, letter);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_as_html_is_read_as_text() {
        let html = "<html><head><title>x</title></head><style>p{}</style><p>It froze on <b>PC-17</b></p><div>at 10:40 &amp; later<br>Ana</div>";
        assert_eq!(plain(html), "It froze on PC-17\nat 10:40 & later\nAna");
        assert_eq!(plain("3 < 4"), "3");
        assert_eq!(plain("<script>x"), "");
    }
}
