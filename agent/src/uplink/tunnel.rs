//! A way to the collector through an HTTP proxy: `CONNECT`, with Basic authentication when the proxy wants it.
//!
//! What the proxy answers is text from outside: it is bounded, and control characters never reach a log or a screen.
//! Negotiate, NTLM and Digest are not spoken; that a proxy wants one of them is said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::problem::{DialError, Problem};
use super::route::Proxy;
use crate::config::Address;

/// The head of an answer is a few lines.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Text of the proxy's that is shown.
const SHOWN_CHARS: usize = 80;

/// What a proxy answered.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    reason: String,
    /// Ways to authenticate that it offers.
    schemes: Vec<String>,
    /// Whether a page follows.
    is_page: bool,
}

/// Asks the proxy at the other end of `tcp` for a tunnel to `collector`.
pub(super) async fn open(mut tcp: TcpStream, proxy: &Proxy, collector: &Address) -> Result<TcpStream, DialError> {
    let cut = |source| {
        DialError::new(Problem::ProxyNoTunnel, collector, format!("the proxy {proxy} hung up")).because(source)
    };
    tcp.write_all(request(proxy, collector).as_bytes()).await.map_err(cut)?;
    let mut head = Vec::with_capacity(512);
    let end = loop {
        if let Some(end) = head_end(&head) {
            break Some(end);
        }
        if !may_be_http(&head) || head.len() >= HEAD_BYTES_MAX || tcp.read_buf(&mut head).await.map_err(cut)? == 0 {
            break None;
        }
    };
    let answer = end.and_then(|end| Some((Answer::parse(&head[..end])?, head.len() > end)));
    judge(answer, proxy, collector)?;
    Ok(tcp)
}

fn request(proxy: &Proxy, collector: &Address) -> String {
    let authorization = proxy
        .credentials
        .as_ref()
        .map(|credentials| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials.text())))
        .unwrap_or_default();
    format!("CONNECT {collector} HTTP/1.1\r\nHost: {collector}\r\n{authorization}\r\n")
}

/// Where the head ends: after the empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn may_be_http(bytes: &[u8]) -> bool {
    let start = b"HTTP/1.";
    bytes.iter().zip(start).all(|(one, other)| one == other)
}

impl Answer {
    fn parse(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.splitn(3, ' ');
        if !words.next()?.starts_with("HTTP/1.") {
            return None;
        }
        let status = words.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
        let mut answer =
            Self { status, reason: shown(words.next().unwrap_or_default()), schemes: Vec::new(), is_page: false };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            answer.header(&name.to_ascii_lowercase(), value.trim());
        }
        Some(answer)
    }

    fn header(&mut self, name: &str, value: &str) {
        match name {
            "proxy-authenticate" | "www-authenticate" => {
                self.schemes.extend(value.split_whitespace().next().map(shown));
            }
            "content-type" => self.is_page |= value.to_ascii_lowercase().starts_with("text/html"),
            "content-length" => self.is_page |= value.parse::<u64>().is_ok_and(|length| length > 0),
            _ => {}
        }
    }
}

/// Whether the answer is a tunnel: a 2xx after which nothing was said, since with TLS it is for us to begin.
fn judge(answer: Option<(Answer, bool)>, proxy: &Proxy, collector: &Address) -> Result<(), DialError> {
    let refuse = |problem, words: String| Err(DialError::new(problem, collector, words));
    let Some((answer, more)) = answer else {
        return refuse(Problem::ProxyNoTunnel, format!("what answers at the proxy's address {proxy} speaks no HTTP"));
    };
    let said = format!("{} {}", answer.status, answer.reason);
    match answer.status {
        200..=299 if !more && !answer.is_page => Ok(()),
        200..=399 => {
            refuse(Problem::ProxyNoTunnel, format!("the proxy {proxy} answered with a page ({said}), not a tunnel"))
        }
        401 | 407 => refuse(Problem::ProxyAuthentication, authentication(&answer, proxy)),
        500 | 502..505 => {
            refuse(Problem::ProxyCannotReach, format!("the proxy {proxy} could not reach {collector} ({said})"))
        }
        _ => refuse(Problem::ProxyDenies, format!("the proxy {proxy} does not let {collector} through ({said})")),
    }
}

fn authentication(answer: &Answer, proxy: &Proxy) -> String {
    let basic = answer.schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
    match (&proxy.credentials, basic) {
        (_, false) if !answer.schemes.is_empty() => {
            format!("the proxy {proxy} wants {}, and the agent speaks Basic alone", answer.schemes.join(" or "))
        }
        (Some(_), _) => format!("the proxy {proxy} does not accept the name and password"),
        (None, _) => format!("the proxy {proxy} wants a name and a password"),
    }
}

/// Text of the proxy's, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxy(credentials: Option<&str>) -> Proxy {
        let credentials = credentials.map(|text| text.parse().expect("name:password"));
        Proxy { address: "proxy.example:3128".parse().expect("an address"), credentials }
    }

    fn collector() -> Address {
        "c.example:7443".parse().expect("an address")
    }

    fn judged(head: &str, credentials: Option<&str>) -> Result<(), (Problem, String)> {
        let end = head_end(head.as_bytes());
        let answer = end.and_then(|end| Some((Answer::parse(&head.as_bytes()[..end])?, head.len() > end)));
        let judged = judge(answer, &proxy(credentials), &collector());
        judged.map_err(|error| (error.trouble.problem, error.to_string()))
    }

    #[test]
    fn asks_with_and_without_a_name() {
        assert_eq!(
            request(&proxy(None), &collector()),
            "CONNECT c.example:7443 HTTP/1.1\r\nHost: c.example:7443\r\n\r\n"
        );
        assert!(request(&proxy(Some("ann:s:x")), &collector()).contains("Basic YW5uOnM6eA==\r\n"));
    }

    #[test]
    fn only_a_silent_success_is_a_tunnel() {
        assert_eq!(judged("HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy\r\n\r\n", None), Ok(()));
        let cases = [
            (
                "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
                Problem::ProxyAuthentication,
                "wants a name",
            ),
            (
                "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\n\r\n",
                Problem::ProxyAuthentication,
                "wants Negotiate",
            ),
            ("HTTP/1.1 403 Filtered\r\n\r\n", Problem::ProxyDenies, "allow CONNECT to c.example:7443"),
            ("HTTP/1.1 502 Bad\r\n\r\n", Problem::ProxyCannotReach, "could not reach"),
            ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", Problem::ProxyNoTunnel, "sign-in page"),
            ("HTTP/1.1 302 Found\r\nLocation: http://portal\r\n\r\n", Problem::ProxyNoTunnel, "302 Found"),
            ("<html>hello\r\n\r\n", Problem::ProxyNoTunnel, "speaks no HTTP"),
            ("HTTP/1.1 999999 \u{1b}[31m\r\n\r\n", Problem::ProxyNoTunnel, "speaks no HTTP"),
        ];
        for (head, problem, words) in cases {
            let (met, text) = judged(head, None).expect_err(head);
            assert!(met == problem && text.contains(words), "{head}: {met:?}: {text}");
        }
        let (_, text) = judged(cases[0].0, Some("ann:wrong")).expect_err("wrong");
        assert!(text.contains("does not accept the name and password") && !text.contains("wrong"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_a_proxy_says_is_judged_and_shown_as_text(head in ".{0,300}") {
            if let Err((_, text)) = judged(&format!("{head}\r\n\r\n"), None) {
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
