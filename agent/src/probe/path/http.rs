//! As much of HTTP as three probes need: one request, the head of the answer, a bounded piece of its body.
//!
//! Version 1.0, so that nobody answers in chunks or keeps the line open. No cookies, nothing followed, nothing named but
//! the host that was asked for.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The beginning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// Status code.
    pub(super) status: u16,
    /// At most what the caller wished for.
    pub(super) body: Vec<u8>,
}

/// A place that is read without encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

/// Longest head that is taken.
const HEAD: usize = 16 * 1024;

/// Where `url` leads; nothing unless it is plain `http`.
pub(super) fn place(url: &str) -> Option<Place> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(80), |port| port.parse().ok())?;
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = !host.is_empty() && is_plain(host) && is_plain(path);
    fits.then(|| Place { host: host.to_owned(), port, path: path.to_owned() })
}

/// Asks `place` over `stream`; takes at most `body` bytes of what it says.
pub(super) async fn get<S>(stream: &mut S, place: &Place, body: usize) -> Option<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Place { host, path, .. } = place;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    exchange(stream, &request, body).await
}

/// Asks a proxy at the other end of `stream` for a way to `host`. When the status is 200, `stream` is that way.
pub(super) async fn open_way<S>(stream: &mut S, host: &str, port: u16, credentials: Option<&str>) -> Option<u16>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let shown = credentials.map(|basic| format!("Proxy-Authorization: Basic {basic}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{shown}\r\n");
    Some(exchange(stream, &request, 0).await?.status)
}

async fn exchange<S>(stream: &mut S, request: &str, body: usize) -> Option<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    // Byte by byte, so that nothing of what follows the head of a proxy's answer is taken from whoever comes next.
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() == HEAD {
            return None;
        }
        head.push(stream.read_u8().await.ok()?);
    }
    let status = status(&head)?;
    let mut taken = Vec::new();
    if body > 0 {
        // A body that is cut short is still an answer.
        let _ = stream.take(body as u64).read_to_end(&mut taken).await;
    }
    Some(Reply { status, body: taken })
}

/// The status in the first line of `head`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    words.next()?.strip_prefix("HTTP/1.")?;
    words.next()?.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_where_a_plain_address_leads() {
        let place = |url| super::place(url).map(|place| (place.host, place.port, place.path));
        let whole = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(place("http://check.example/ok.txt"), whole("check.example", 80, "/ok.txt"));
        assert_eq!(place("http://user:pw@check.example:8080"), whole("check.example", 8080, "/"));
        assert_eq!(place("http://[2001:db8::1]:81/a"), whole("2001:db8::1", 81, "/a"));
        for odd in ["https://a/", "http://", "http://a:b/", "http://a/ b", "http://a/\r\nX: y", "file:///etc/passwd"] {
            assert_eq!(place(odd), None, "{odd}");
        }
    }

    async fn answered(answer: &[u8], body: usize) -> Option<Reply> {
        let (mut near, mut far) = tokio::io::duplex(HEAD * 2);
        far.write_all(answer).await.expect("room");
        far.shutdown().await.expect("shut");
        get(&mut near, &place("http://a.example/x").expect("a place"), body).await
    }

    #[tokio::test]
    async fn takes_status_and_a_bounded_body() {
        let reply = answered(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nsuccess and more", 7).await.expect("an answer");
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b"success"[..]));
        assert_eq!(answered(b"HTTP/1.0 302 Found\nLocation: x\n\n", 9).await.expect("an answer").status, 302);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_none() {
        assert_eq!(answered(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 9).await, None);
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\n", 9).await, None, "torn");
        assert_eq!(answered(&vec![b'x'; HEAD + 9], 9).await, None, "endless");
    }

    #[tokio::test]
    async fn a_proxy_is_shown_credentials_only_when_there_are_some() {
        for (credentials, wanted) in [(None, false), (Some("dTpw"), true)] {
            let (mut near, mut far) = tokio::io::duplex(4096);
            far.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.expect("room");
            assert_eq!(open_way(&mut near, "c.example", 7443, credentials).await, Some(407));
            drop(near);
            let mut asked = String::new();
            far.read_to_string(&mut asked).await.expect("text");
            assert!(asked.starts_with("CONNECT c.example:7443 HTTP/1.1\r\n"), "{asked}");
            assert_eq!(asked.contains("Basic dTpw"), wanted);
        }
    }

    proptest! {
        #[test]
        fn never_panics(url in ".{0,60}", head in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (place(&url), status(&head));
        }
    }
}
