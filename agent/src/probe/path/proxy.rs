use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use firstline_diagnosis::vocabulary::Attributes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::NO_ERROR;
use super::http;
use super::system::SystemResolver;
use super::tcp;
use crate::os::proc::proxy::{Proxy, Server};
use crate::probe::{Gather, ProbeError};

/// What came of going through the proxy that this machine is told to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detour {
    /// Why it failed: `name`, `refused`, `timeout`, `unreachable` or `reset` on the way to the proxy; `credentials` or
    /// `denied` when the proxy will not; `upstream` when it cannot; `protocol` when it is no proxy.
    pub(super) error: Option<&'static str>,
    took: Duration,
}

/// What came of fetching the script that says which proxy to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Fetched,
    /// Something came that is no such script.
    Altered,
    Failed,
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of a script than this is not looked at.
const SCRIPT_BYTES: usize = 256 * 1024;
/// The function that every script must have.
const FUNCTION: &[u8] = b"FindProxyForURL";

/// Asks the proxy for a way to `host`; gives the way, when there is one.
pub(super) async fn go_through(
    resolver: &SystemResolver,
    way: &Server,
    host: &str,
    port: u16,
) -> (Detour, Option<TcpStream>) {
    let start = Instant::now();
    let result = timeout(PATIENCE, open(resolver, way, host, port)).await.unwrap_or(Err("timeout"));
    let took = start.elapsed();
    match result {
        Ok(stream) => (Detour { error: None, took }, Some(stream)),
        Err(error) => (Detour { error: Some(error), took }, None),
    }
}

async fn open(resolver: &SystemResolver, way: &Server, host: &str, port: u16) -> Result<TcpStream, &'static str> {
    let (mut stream, _) = tcp::reach(resolver, &way.host, way.port).await?;
    let shown = way.credentials.as_deref().map(basic);
    match http::open_way(&mut stream, host, port, shown.as_deref()).await {
        Some(200..=299) => Ok(stream),
        // Some say 407 only to who shows nothing, and 401 to who shows the wrong thing.
        Some(401 | 407) => Err("credentials"),
        Some(500..=599) => Err("upstream"),
        Some(_) => Err("denied"),
        None => Err("protocol"),
    }
}

/// `user:password` of an address, as a proxy wants it shown.
fn basic(credentials: &str) -> String {
    BASE64_STANDARD.encode(unescaped(credentials))
}

/// Undoes `%40` and the like.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// Fetches the script; nothing when the settings name none, or one that is not plain HTTP.
pub(super) async fn fetch_script(resolver: &SystemResolver, proxy: &Proxy, domain: Option<&str>) -> Option<Script> {
    let place = match (proxy, domain) {
        (Proxy::Script(_, url), _) => http::place(url)?,
        (Proxy::Automatic, Some(domain)) => http::place(&format!("http://wpad.{domain}/wpad.dat"))?,
        _ => return None,
    };
    let fetch = async {
        let (mut stream, _) = tcp::reach(resolver, &place.host, place.port).await.ok()?;
        http::get(&mut stream, &place, SCRIPT_BYTES).await
    };
    let reply = timeout(PATIENCE, fetch).await.ok().flatten();
    Some(reply.map_or(Script::Failed, |reply| judge(reply.status, &reply.body)))
}

fn judge(status: u16, body: &[u8]) -> Script {
    match status {
        200..=299 if body.windows(FUNCTION.len()).any(|window| window == FUNCTION) => Script::Fetched,
        200..=399 => Script::Altered,
        _ => Script::Failed,
    }
}

impl Script {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fetched => "ok",
            Self::Altered => "altered",
            Self::Failed => "failed",
        }
    }
}

impl Detour {
    /// Whether the proxy itself said something, so that the way to it works.
    pub(super) fn was_answered(&self) -> bool {
        matches!(self.error, None | Some("credentials" | "denied" | "upstream" | "protocol" | "refused" | "reset"))
    }

    pub(super) fn enter(&self, gather: &mut Gather) {
        gather.single("endpoint.proxy.connect.ok", self.error.is_none());
        gather.single("endpoint.proxy.connect.error", self.error.unwrap_or(NO_ERROR));
        let duration = match self.error {
            None => Ok(self.took.as_secs_f64()),
            Some(_) => Err(ProbeError::Failed("the way through the proxy did not come about".to_owned())),
        };
        gather.outcome("endpoint.proxy.connect.duration", Attributes::none(), duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Goes through a proxy on this machine that says `answer`.
    async fn through(answer: &'static str) -> Option<&'static str> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            stream.write_all(answer.as_bytes()).await.expect("written");
            let _ = stream.read(&mut [0; 256]).await;
        });
        let way = Server::parse(&format!("http://127.0.0.1:{port}")).expect("a server");
        let (detour, _) = go_through(&SystemResolver::default(), &way, "collector.test", 7443).await;
        proxy.await.expect("served");
        detour.error
    }

    #[tokio::test]
    async fn tells_what_the_proxy_will_not_from_what_it_cannot() {
        assert_eq!(through("HTTP/1.1 200 Connection established\r\n\r\n").await, None);
        assert_eq!(through("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await, Some("credentials"));
        assert_eq!(through("HTTP/1.0 401 Unauthorized\r\n\r\n").await, Some("credentials"));
        assert_eq!(through("HTTP/1.0 403 Filtered\r\n\r\n").await, Some("denied"));
        assert_eq!(through("HTTP/1.0 502 Bad Gateway\r\n\r\n").await, Some("upstream"));
        assert_eq!(through("220 mail.corp ESMTP\r\n\r\n").await, Some("protocol"));
    }

    #[tokio::test]
    async fn a_proxy_that_is_gone_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let way = Server::parse(&format!("http://127.0.0.1:{port}")).expect("a server");
        let (detour, _) = go_through(&SystemResolver::default(), &way, "collector.test", 7443).await;
        assert_eq!((detour.error, detour.was_answered()), (Some("refused"), true));
    }

    #[test]
    fn credentials_are_shown_as_they_are_meant() {
        assert_eq!(basic("ann:p%40ss"), BASE64_STANDARD.encode("ann:p@ss"));
        assert_eq!(unescaped("100%"), b"100%");
        assert_eq!(unescaped("%zz%4"), b"%zz%4");
    }

    #[test]
    fn a_page_is_no_script() {
        assert_eq!(judge(200, b"function FindProxyForURL(url, host) { return 'DIRECT'; }"), Script::Fetched);
        assert_eq!(judge(200, b"<html>Sign in</html>"), Script::Altered);
        assert_eq!(judge(404, b"FindProxyForURL"), Script::Failed);
    }
}
