use std::time::Duration;

use tokio::time::timeout;

use super::http::{self, Place};
use super::system::SystemResolver;
use super::tcp;
use crate::settings::PortalObject;

/// What became of a request for an object whose text is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portal {
    /// It came as it should.
    Intact,
    /// Somebody sent us elsewhere.
    Redirected,
    /// Something else came in its place.
    Altered,
    /// Nothing came, or the server itself had nothing.
    Failed,
}

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of a body than this is not the object.
const BODY: usize = 1024;
/// "Network Authentication Required".
const SIGN_IN: u16 = 511;

impl Portal {
    /// Its name in readings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Intact => "ok",
            Self::Redirected => "redirected",
            Self::Altered => "altered",
            Self::Failed => "failed",
        }
    }

    /// Whether somebody stands in the way; `None` when that cannot be said.
    pub(super) fn is_free(self) -> Option<bool> {
        match self {
            Self::Intact => Some(true),
            Self::Redirected | Self::Altered => Some(false),
            Self::Failed => None,
        }
    }
}

/// Asks for the object, without cookies and without following anybody.
pub(super) async fn look(resolver: &SystemResolver, object: &PortalObject) -> Portal {
    timeout(PATIENCE, ask(resolver, object)).await.ok().flatten().unwrap_or(Portal::Failed)
}

async fn ask(resolver: &SystemResolver, object: &PortalObject) -> Option<Portal> {
    let place = Place { host: object.host.clone(), port: object.port, path: "/".to_owned() };
    let address = match place.host.parse() {
        Ok(address) => address,
        Err(_) => *resolver.look_up(&place.host).await.addresses.ok()?.first()?,
    };
    let mut stream = tcp::to((address, place.port).into()).await.1?;
    let reply = http::get(&mut stream, &place, BODY).await?;
    Some(judge(reply.status, &reply.body, &object.text))
}

fn judge(status: u16, body: &[u8], wanted: &str) -> Portal {
    match status {
        300..=399 => Portal::Redirected,
        200..=299 if body.trim_ascii() == wanted.trim().as_bytes() => Portal::Intact,
        200..=299 | SIGN_IN => Portal::Altered,
        _ => Portal::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[test]
    fn tells_a_sign_in_page_from_the_object_and_from_a_broken_server() {
        assert_eq!(judge(200, b"success\n", "success"), Portal::Intact);
        assert_eq!(judge(204, b"", ""), Portal::Intact);
        assert_eq!(judge(200, b"<html>Sign in</html>", "success"), Portal::Altered);
        assert_eq!(judge(302, b"", "success"), Portal::Redirected);
        assert_eq!(judge(511, b"", "success"), Portal::Altered);
        assert_eq!(judge(503, b"", "success"), Portal::Failed);
    }

    #[tokio::test]
    async fn a_redirection_is_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let calls = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/login\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("written");
            drop(stream);
            listener
        });
        let object = PortalObject { host: "127.0.0.1".to_owned(), port, text: "ok".to_owned() };
        assert_eq!(look(&SystemResolver::default(), &object).await, Portal::Redirected);
        let listener = calls.await.expect("served").into_std().expect("a listener");
        let nobody = listener.accept().expect_err("nobody came a second time");
        assert_eq!(nobody.kind(), ErrorKind::WouldBlock, "{nobody}");
    }

    #[tokio::test]
    async fn what_cannot_be_asked_says_nothing_about_a_portal() {
        let object = PortalObject { host: "127.0.0.1".to_owned(), port: 1, text: "ok".to_owned() };
        let portal = look(&SystemResolver::default(), &object).await;
        assert_eq!((portal, portal.is_free()), (Portal::Failed, None));
    }
}
