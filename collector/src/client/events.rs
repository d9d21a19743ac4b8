//! Server-sent events, line by line.

use reqwest::Response;

/// Longest event, bytes.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ServerEvent {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub data: String,
    /// Where to go on after it.
    pub id: Option<String>,
}

/// A stream of events.
pub(super) struct Events {
    response: Response,
    buffer: Vec<u8>,
}

impl Events {
    pub(super) fn new(response: Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// The next event; `None` when the stream has ended, for whatever reason.
    pub(super) async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                match parse(&String::from_utf8_lossy(&block)) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.buffer.extend_from_slice(&chunk);
            if self.buffer.len() > EVENT_BYTES_MAX {
                return None;
            }
        }
    }
}

/// The event of a block of lines; none when it is only a comment.
fn parse(block: &str) -> Option<ServerEvent> {
    let mut event = ServerEvent::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "data" => data.push(value),
            "id" => event.id = Some(value.to_owned()),
            _ => {}
        }
    }
    event.data = data.join("\n");
    (!event.data.is_empty() || !event.name.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_name_data_and_id() {
        let event = parse("event: alert\nid: 7\ndata: {\"a\":1,\ndata: \"b\":2}\n\n").expect("an event");
        assert_eq!((event.name.as_str(), event.id.as_deref()), ("alert", Some("7")));
        assert_eq!(event.data, "{\"a\":1,\n\"b\":2}");
        assert_eq!(parse(": still here\n\n"), None);
    }
}
