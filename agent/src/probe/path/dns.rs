use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use firstline_diagnosis::vocabulary::Attributes;
use futures_util::future::join_all;
use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use tokio::time::timeout;

use super::NO_ERROR;
use crate::probe::{Gather, ProbeError};
use crate::settings::DnsName;

/// The looking up of the names of one class in one way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LookUp {
    /// `os`, or `server1` and so on.
    server: String,
    class: String,
    /// How the first name that failed did so.
    error: Option<&'static str>,
    /// The slowest name.
    took: Duration,
}

/// One name's end.
type Answer = (Result<(), &'static str>, Duration);

/// How long a server may take for a try, and how many tries it has.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
/// How long a server may take with all tries.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// How long the system's way may take.
const SYSTEM_PATIENCE: Duration = Duration::from_secs(5);

/// Looks `names` up in the system's way and at every server, all at the same time.
pub(super) async fn look_up(servers: &[IpAddr], names: &[DnsName]) -> Vec<LookUp> {
    let mut classes: Vec<&str> = names.iter().map(|name| name.name_class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut tests = Vec::new();
    for class in classes {
        let of_class: Vec<&str> =
            names.iter().filter(|name| name.name_class == class).map(|name| name.name.as_str()).collect();
        tests.push(one(None, class, of_class.clone()));
        tests.extend(servers.iter().enumerate().map(|server| one(Some(server), class, of_class.clone())));
    }
    join_all(tests).await
}

async fn one(server: Option<(usize, &IpAddr)>, class: &str, names: Vec<&str>) -> LookUp {
    let answers: Vec<Answer> = match server {
        None => join_all(names.iter().map(|name| by_system(name))).await,
        Some((_, server)) => join_all(names.iter().map(|name| by_server(*server, name))).await,
    };
    LookUp {
        server: server.map_or_else(|| "os".to_owned(), |(index, _)| format!("server{}", index + 1)),
        class: class.to_owned(),
        error: answers.iter().find_map(|(answer, _)| answer.err()),
        took: answers.iter().map(|(_, took)| *took).max().unwrap_or_default(),
    }
}

/// What a program on this machine would get: hosts file, cache and all.
async fn by_system(name: &str) -> Answer {
    let start = Instant::now();
    let answer = match timeout(SYSTEM_PATIENCE, tokio::net::lookup_host((name, 0))).await {
        Err(_) => Err("timeout"),
        Ok(Ok(mut addresses)) => addresses.next().map(|_| ()).ok_or("nxdomain"),
        Ok(Err(source)) => Err(system_error(&source)),
    };
    (answer, start.elapsed())
}

/// getaddrinfo gives only texts; the two that matter are the same on every system's C library.
fn system_error(source: &io::Error) -> &'static str {
    let text = source.to_string().to_ascii_lowercase();
    if text.contains("temporary failure") || text.contains("try again") {
        "timeout"
    } else if text.contains("not known") || text.contains("no address") || text.contains("no such host") {
        "nxdomain"
    } else {
        "failed"
    }
}

/// What one server says, without anybody's cache in between.
async fn by_server(server: IpAddr, name: &str) -> Answer {
    let start = Instant::now();
    let answer = match resolver(server) {
        Ok(resolver) => match timeout(SERVER_PATIENCE, resolver.lookup(absolute(name), RecordType::A)).await {
            Ok(result) => result.map(|_| ()).or_else(|error| judge(&error)),
            Err(_) => Err("timeout"),
        },
        Err(_) => Err("failed"),
    };
    (answer, start.elapsed())
}

fn resolver(server: IpAddr) -> Result<Resolver<TokioRuntimeProvider>, NetError> {
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![NameServerConfig::udp_and_tcp(server)]);
    let mut options = ResolverOpts::default();
    options.timeout = PATIENCE;
    options.attempts = TRIES - 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    Resolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build()
}

/// A name with its final dot, so that no search domain is tried.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

/// A name that exists without an IPv4 address is an answer.
fn judge(error: &NetError) -> Result<(), &'static str> {
    match error {
        NetError::Timeout => Err("timeout"),
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => Ok(()),
        NetError::Dns(DnsError::NoRecordsFound(none)) => Err(code(none.response_code)),
        NetError::Dns(DnsError::ResponseCode(response)) => Err(code(*response)),
        NetError::Io(source) if source.kind() == io::ErrorKind::TimedOut => Err("timeout"),
        NetError::Io(source) if source.kind() == io::ErrorKind::ConnectionRefused => Err("refused"),
        NetError::Io(_) | NetError::NoConnections => Err("unreachable"),
        _ => Err("failed"),
    }
}

fn code(response: ResponseCode) -> &'static str {
    match response {
        ResponseCode::NXDomain => "nxdomain",
        ResponseCode::ServFail => "servfail",
        ResponseCode::Refused => "refused",
        _ => "failed",
    }
}

impl LookUp {
    /// Whether every name was found.
    pub(super) fn is_ok(&self) -> bool {
        self.error.is_none()
    }

    /// Whether this is the way that programs go.
    pub(super) fn is_system(&self) -> bool {
        self.server == "os"
    }

    pub(super) fn enter(&self, gather: &mut Gather) {
        let attributes =
            || Attributes::from([("server", self.server.as_str()), ("dns.name_class", self.class.as_str())]);
        gather.value("endpoint.dns.lookup.ok", attributes(), self.is_ok());
        gather.value("endpoint.dns.error", attributes(), self.error.unwrap_or(NO_ERROR));
        let duration = self.error.map_or(Ok(self.took.as_secs_f64()), |error| {
            Err(ProbeError::Failed(format!("the look-up ended with {error}")))
        });
        gather.outcome("dns.lookup.duration", attributes(), duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UdpSocket;

    /// A name server on this machine that answers every query with `code` and, when that is 0, an address.
    async fn server(code: u8) -> std::net::SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut query).await {
                let _ = socket.send_to(&answer(&query[..length], code), peer).await;
            }
        });
        address
    }

    /// The query turned into an answer: flags, counts, question, and one A record that points at its name.
    fn answer(query: &[u8], code: u8) -> Vec<u8> {
        let question_end = 12 + query[12..].iter().position(|&byte| byte == 0).expect("a name") + 5;
        let mut answer = query[..question_end].to_vec();
        answer[2] = 0x81;
        answer[3] = 0x80 | code;
        answer[6..12].copy_from_slice(&[0, u8::from(code == 0), 0, 0, 0, 0]);
        if code == 0 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        }
        answer
    }

    async fn ask(code: u8) -> Result<(), &'static str> {
        let address = server(code).await;
        let mut connection = hickory_resolver::config::ConnectionConfig::udp();
        connection.port = address.port();
        let config = NameServerConfig::new(address.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
        let mut resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        resolver.options_mut().attempts = 0;
        let resolver = resolver.build().expect("a resolver");
        resolver.lookup(absolute("must.exist"), RecordType::A).await.map(|_| ()).or_else(|error| judge(&error))
    }

    #[tokio::test]
    async fn tells_answers_apart() {
        assert_eq!(ask(0).await, Ok(()));
        assert_eq!(ask(3).await, Err("nxdomain"));
        assert_eq!(ask(2).await, Err("servfail"));
        assert_eq!(ask(5).await, Err("refused"));
    }

    #[test]
    fn a_name_is_asked_for_as_it_stands() {
        assert_eq!(absolute("example.com"), "example.com.");
        assert_eq!(absolute("example.com."), "example.com.");
    }

    #[test]
    fn knows_the_texts_of_the_c_library() {
        let error = |text: &str| io::Error::other(text.to_owned());
        assert_eq!(system_error(&error("failed to lookup address information: Name or service not known")), "nxdomain");
        assert_eq!(system_error(&error("Temporary failure in name resolution")), "timeout");
        assert_eq!(system_error(&error("odd")), "failed");
    }
}
