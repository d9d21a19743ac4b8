/// How a placeholder prints its number when the unit alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// By its unit.
    Unit,
    /// `{x:number}`.
    Number,
    /// `{x:percent}`.
    Percent,
    /// `{x:duration}`: seconds.
    Duration,
    /// `{x:bytes}`.
    Bytes,
}

impl Style {
    const ALL: [(&'static str, Self); 4] =
        [("number", Self::Number), ("percent", Self::Percent), ("duration", Self::Duration), ("bytes", Self::Bytes)];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, style)| style)
    }
}

/// A text with placeholders: `{free} left on {mountpoint}`. `{{` is a brace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String, Style),
}

impl Template {
    /// Reads a text; a brace that is not closed or a style that does not exist is refused with its byte offset.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some(open) = rest.find('{') {
            plain.push_str(&rest[..open]);
            let offset = text.len() - rest.len() + open;
            if let Some(after) = rest[open..].strip_prefix("{{") {
                plain.push('{');
                rest = after;
                continue;
            }
            let close = rest[open..].find('}').ok_or((offset, "this brace is not closed".to_owned()))?;
            let inner = &rest[open + 1..open + close];
            let (name, style) = inner.split_once(':').unwrap_or((inner, ""));
            let style = match style {
                "" => Style::Unit,
                style => Style::parse(style).ok_or_else(|| {
                    let hint = crate::spelling::hint(style, Style::ALL.map(|(name, _)| name));
                    (offset, format!("there is no style {style}{hint}"))
                })?,
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Name(name.trim().to_owned(), style));
            rest = &rest[open + close + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.replace("}}", "}")));
        }
        Ok(Self { parts })
    }

    /// The names of all placeholders.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name, _) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every placeholder replaced, when all of them are known.
    pub(crate) fn render_known(&self, value: impl Fn(&str, Style) -> Option<String>) -> Option<String> {
        let part = |part: &Part| match part {
            Part::Text(plain) => Some(plain.clone()),
            Part::Name(name, style) => value(name, *style),
        };
        self.parts.iter().map(part).collect()
    }

    /// The text with every placeholder replaced; what is not known is called unknown.
    pub(crate) fn render(&self, value: impl Fn(&str, Style) -> Option<String>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Name(name, style) => text.push_str(&value(name, *style).unwrap_or_else(|| "unknown".to_owned())),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_is_known_and_says_what_is_not() {
        let template = Template::parse("{free} left on {mountpoint} ({ratio:percent}) {{x}}").expect("fine");
        let text = template.render(|name, style| match (name, style) {
            ("free", Style::Unit) => Some("2 GiB".to_owned()),
            ("ratio", Style::Percent) => Some("4 %".to_owned()),
            _ => None,
        });
        assert_eq!(text, "2 GiB left on unknown (4 %) {x}");
        assert_eq!(template.names().collect::<Vec<_>>(), ["free", "mountpoint", "ratio"]);
    }

    #[test]
    fn refuses_an_open_brace_and_an_unknown_style() {
        assert_eq!(Template::parse("a {free").expect_err("open").0, 2);
        assert!(Template::parse("{x:procent}").expect_err("style").1.contains("percent"));
    }
}
