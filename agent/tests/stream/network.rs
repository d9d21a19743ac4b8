//! What networks put between an agent and its collector: each has a name, a sentence, and advice.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::collector::server::Authority;
use crate::collector::{Collector, Temper};
use crate::uplink::Agent;
use firstline_agent::config::{Address, Config};
use firstline_agent::uplink::{LinkState, LinkStatus, Problem, Routes, dial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The stream's status once it is known what is in the way.
async fn met(agent: &Agent, address: Address, routes: Routes) -> LinkStatus {
    let mut running = agent.connect_by(address, routes);
    let status = running.reaches(LinkState::Waiting).await;
    running.stop().await;
    assert!(!status.advice.is_empty(), "{status:?}");
    status
}

fn through(url: &str, credentials: Option<&Path>) -> Routes {
    let credentials = credentials.map(|path| format!("credentials_file = '{}'", path.display())).unwrap_or_default();
    let config = Config::parse(&format!("[proxy]\nurl = '{url}'\n{credentials}")).expect("a configuration");
    Routes::of_this_machine(&config.proxy, Path::new("/nowhere")).expect("routes")
}

/// Whoever connects is told `text`, and nothing else.
async fn says(text: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.read(&mut [0; 1024]).await;
            let _ = tcp.write_all(text).await;
        }
    });
    port
}

fn local(port: u16) -> Address {
    Address { host: "localhost".into(), port }
}

/// A port that was free a moment ago.
async fn closed() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// A real proxy.
struct Proxy {
    process: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Proxy {
    async fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (path, port) = (dir.path().join("tinyproxy.conf"), closed().await);
        let config = format!("Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nLogLevel Critical\n{more}\n");
        std::fs::write(&path, config).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("tinyproxy is installed (Debian package tinyproxy-bin)");
        let proxy = Self { process, port, _dir: dir };
        let up = async {
            while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), up).await.expect("the proxy comes up");
        proxy
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn records_go_through_a_proxy() {
    let collector = Collector::start(Temper::default()).await;
    let proxy = Proxy::start("").await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(20);
    let mut running = agent.connect_by(collector.address(), through(&proxy.url(), None));
    let status = running.reaches(LinkState::Connected).await;
    assert!(status.detail.contains(&format!("through the proxy 127.0.0.1:{}", proxy.port)), "{}", status.detail);
    collector.stored(20).await;
    running.stop().await;
    assert_eq!(collector.count(), 20);
}

#[tokio::test]
async fn a_proxy_that_wants_a_name_is_told_one_and_says_when_it_is_wrong() {
    let collector = Collector::start(Temper::default()).await;
    let proxy = Proxy::start("BasicAuth ann hush").await;
    let agent = Agent::enrolled_at(&collector).await;
    let none = met(&agent, collector.address(), through(&proxy.url(), None)).await;
    assert_eq!(none.problem, Some(Problem::ProxyAuthentication));
    assert!(none.advice.contains("proxy.credentials_file"), "{none:?}");
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("credentials");
    std::fs::write(&file, "ann:wrong\n").expect("written");
    let wrong = met(&agent, collector.address(), through(&proxy.url(), Some(&file))).await;
    assert_eq!(wrong.problem, Some(Problem::ProxyAuthentication));
    assert!(!format!("{wrong:?}").contains("ann"), "{wrong:?}");
    std::fs::write(&file, "ann:hush\n").expect("written");
    let mut running = agent.connect_by(collector.address(), through(&proxy.url(), Some(&file)));
    running.reaches(LinkState::Connected).await;
    running.stop().await;
}

#[tokio::test]
async fn a_proxy_that_forbids_or_cannot_reach_the_collector_says_so() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let strict = Proxy::start("ConnectPort 443").await;
    let status = met(&agent, collector.address(), through(&strict.url(), None)).await;
    assert_eq!(status.problem, Some(Problem::ProxyDenies), "{status:?}");
    assert!(status.advice.contains(&format!("allow CONNECT to {}", collector.address())), "{status:?}");
    let open = Proxy::start("").await;
    let status = met(&agent, local(closed().await), through(&open.url(), None)).await;
    assert_eq!(status.problem, Some(Problem::ProxyCannotReach), "{status:?}");
}

#[tokio::test]
async fn what_is_no_proxy_is_not_taken_for_one() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let refused =
        met(&agent, collector.address(), through(&format!("http://127.0.0.1:{}", closed().await), None)).await;
    assert_eq!(refused.problem, Some(Problem::ProxyUnreachable), "{refused:?}");
    let nameless = met(&agent, collector.address(), through("http://proxy.invalid:3128", None)).await;
    assert_eq!(nameless.problem, Some(Problem::ProxyNameLookup), "{nameless:?}");
    for text in [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Welcome to the hotel".as_slice(),
        b"HTTP/1.1 200 OK\r\n\r\n<html>Welcome to the hotel",
        b"<html>Welcome to the hotel",
        b"\x00\xff\x00\xff",
    ] {
        let page =
            met(&agent, collector.address(), through(&format!("http://127.0.0.1:{}", says(text).await), None)).await;
        assert_eq!(page.problem, Some(Problem::ProxyNoTunnel), "{page:?}");
    }
}

/// Opens TLS with an authority of its own, as a device on the network does.
async fn inspecting(name: &str, organization: &str) -> u16 {
    let authority = Authority::named(name, organization);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(authority.tls()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            assert!(acceptor.accept(tcp).await.is_err(), "the agent never goes on with a stranger");
        }
    });
    port
}

#[tokio::test]
async fn a_device_that_opens_tls_is_named_and_not_trusted() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let port = inspecting("Acme Web\u{1b} Gateway CA", "Acme").await;
    let status = met(&agent, local(port), Routes::default()).await;
    assert_eq!(status.problem, Some(Problem::TlsInspected), "{status:?}");
    assert!(status.detail.contains("\"Acme Web Gateway CA\""), "{status:?}");
    assert!(status.detail.contains("a device on the network opens TLS connections"), "{status:?}");
    assert!(status.advice.contains(&format!("exempt localhost:{port}")), "{status:?}");
    let port = inspecting("Firstline root 010203", "Firstline").await;
    assert_eq!(met(&agent, local(port), Routes::default()).await.problem, Some(Problem::OtherCollector));
}

#[tokio::test]
async fn a_device_that_opens_tls_is_named_at_enrolment() {
    let collector = Collector::start(Temper::default()).await;
    let port = inspecting("Acme Web Gateway CA", "Acme").await;
    let dir = tempfile::tempdir().expect("temporary directory");
    let token = collector.token().parse().expect("a token");
    let machine = crate::uplink::machine();
    let refused = firstline_agent::identity::enroll(dir.path(), local(port), &Routes::default(), &token, machine).await;
    let words = refused.expect_err("a stranger").to_string();
    assert!(words.contains("Acme Web Gateway CA") && words.contains("exempt"), "{words}");
    assert!(std::fs::read_dir(dir.path()).expect("there").next().is_none(), "nothing was kept");
}

#[tokio::test]
async fn what_answers_and_is_no_collector_is_said_to_be_none() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(5);
    for text in
        [b"HTTP/1.1 400 Bad Request\r\n\r\n<html>".as_slice(), b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x03\xff\xff\x00"]
    {
        let status = met(&agent, local(says(text).await), Routes::default()).await;
        assert_eq!(status.problem, Some(Problem::NotTls), "{status:?}");
    }
    let gone = met(&agent, local(closed().await), Routes::default()).await;
    assert_eq!(gone.problem, Some(Problem::Unreachable), "{gone:?}");
    let nameless = met(&agent, Address { host: "collector.invalid".into(), port: 1 }, Routes::default()).await;
    assert_eq!(nameless.problem, Some(Problem::NameLookup), "{nameless:?}");
    assert_eq!(agent.outbox.spool().fill().records, 5, "nothing is lost");
}

#[tokio::test]
async fn frames_that_cannot_be_read_end_the_stream_and_nothing_else() {
    // A drain whose alternative is not UTF-8, a welcome that is cut, a message that is none.
    for bytes in [b"\x3a\x04\x1a\x02\xff\xfe".as_slice(), b"\x0a\x7f\x08", b"<html>"] {
        let collector = Collector::start(Temper { says: Some(bytes), ..Temper::default() }).await;
        let agent = Agent::enrolled_at(&collector).await;
        agent.append(5);
        let status = met(&agent, collector.address(), Routes::default()).await;
        assert_eq!(status.problem, Some(Problem::Protocol), "{status:?}");
        assert_eq!(agent.outbox.spool().fill().records, 5, "nothing is lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_move_is_given_up() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let tls = agent.identity.lock().expect("free").tls().expect("a certificate");
    let slow = dial(&local(port), tls, &Routes::default()).await.expect_err("nobody answers");
    assert_eq!(slow.trouble.problem, Problem::Slow, "{slow}");
    drop(listener);
}
