//! One connection to a collector: straight or through a proxy, TCP, TLS 1.3, HTTP/2.
//!
//! The connection is made before tonic sees it, so that each layer's failure keeps its own words. With TLS 1.3 a
//! collector refuses a client certificate after the handshake, with an alert on the first read; the alert is noted as
//! it passes, since by the time it is an RPC's status it has lost its name.

use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use super::counted::Counted;
use super::problem::{DialError, Problem, Trouble};
use super::race::connect;
use super::route::{Proxy, Route, Routes};
use super::tunnel;
use crate::config::{Address, Collectors};
use crate::identity::Stranger;

/// Time for the way to the collector, and for TLS on it.
const WAY_LIMIT: Duration = Duration::from_secs(15);
const TLS_LIMIT: Duration = Duration::from_secs(15);

/// How long a collector is tried alone before the next one is tried, too: longer than a connection takes over a slow
/// network, so that the order counts.
const HEAD_START: Duration = Duration::from_secs(3);

/// A connection on which nothing arrives for so long is asked for a sign of life. More than a minute: each sample is
/// acknowledged, which is one.
const ALIVE_EVERY: Duration = Duration::from_secs(75);

/// A connection with its channel.
#[derive(Debug)]
pub struct Link {
    /// For generated clients.
    pub channel: Channel,
    /// Where it leads to.
    pub collector: Address,
    /// The proxy that it goes through, in words for people; empty when it goes straight.
    pub by: String,
    alert: Alert,
}

/// The alert that ended the connection, if one did.
type Alert = Arc<Mutex<Option<AlertDescription>>>;

impl Link {
    /// Why an RPC failed: the alert that the collector's TLS sent, or the status in its own words.
    pub fn explain(&self, status: &tonic::Status) -> String {
        match self.refusal() {
            Some(trouble) => trouble.detail,
            None => status.message().to_owned(),
        }
    }

    /// Why the collector's TLS refused this endpoint, if it did.
    pub fn refusal(&self) -> Option<Trouble> {
        let alert = *self.alert.lock().unwrap_or_else(PoisonError::into_inner);
        alert.and_then(refusal)
    }
}

/// Alerts about our certificate.
fn refusal(alert: AlertDescription) -> Option<Trouble> {
    let (problem, words) = match alert {
        AlertDescription::CertificateRevoked => (Problem::Revoked, "this endpoint's certificate was revoked"),
        AlertDescription::CertificateExpired => {
            (Problem::Expired, "this endpoint's certificate has expired by the collector's clock")
        }
        AlertDescription::UnknownCA => (Problem::Refused, "the collector does not know this endpoint's authority"),
        AlertDescription::CertificateRequired => (Problem::Refused, "the collector wants a client certificate"),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => (Problem::Refused, "the collector refused this endpoint's certificate"),
        _ => return None,
    };
    Some(Trouble::new(problem, words))
}

/// Connects to `address` with `tls`, the way that `routes` says.
pub async fn dial(address: &Address, tls: ClientConfig, routes: &Routes) -> Result<Link, DialError> {
    dial_counted(address, tls, routes, Arc::default()).await
}

/// The same; `sent` counts the bytes that go out, those of TLS and HTTP/2 too.
pub(super) async fn dial_counted(
    address: &Address,
    tls: ClientConfig,
    routes: &Routes,
    sent: Arc<AtomicU64>,
) -> Result<Link, DialError> {
    let (tcp, by) = open(address, routes.to(address)).await?;
    let shaken = timeout(TLS_LIMIT, shake_hands(Counted::new(tcp, sent), address, tls)).await;
    let slow = || {
        DialError::new(
            Problem::Slow,
            address,
            format!("{address} took the connection and did not answer in TLS within 15 s"),
        )
    };
    let stream = shaken.map_err(|_| slow())??;
    let alert = Alert::default();
    let watched = Watched { stream, alert: Arc::clone(&alert) };
    let channel = channel(watched).await.map_err(|error| {
        DialError::new(Problem::Protocol, address, format!("HTTP/2 could not be started with {address}: {error}"))
    })?;
    Ok(Link { channel, collector: address.clone(), by, alert })
}

/// Connects to the first of several collectors that takes us, with `tls`. Each is tried alone for a while, then the next
/// beside it; what fails lets the next begin at once.
///
/// # Errors
/// A refusal when one of them refuses us, else what was wrong with the first to fail, when none takes us.
pub async fn dial_first(collectors: &Collectors, tls: ClientConfig, routes: &Routes) -> Result<Link, DialError> {
    dial_first_counted(collectors, tls, routes, Arc::default()).await
}

/// The same; `sent` counts the bytes that go out.
pub(super) async fn dial_first_counted(
    collectors: &Collectors,
    tls: ClientConfig,
    routes: &Routes,
    sent: Arc<AtomicU64>,
) -> Result<Link, DialError> {
    let mut waiting = collectors.all().iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure: Option<DialError> = None;
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        attempts.extend(next.map(|address| dial_counted(address, tls.clone(), routes, Arc::clone(&sent))));
        let outcome = tokio::select! {
            outcome = attempts.next() => outcome,
            () = sleep(HEAD_START), if !is_last => continue,
        };
        match (outcome, failure.take()) {
            (Some(Ok(link)), _) => return Ok(link),
            (Some(Err(refused)), _) if refused.trouble.problem.is_refusal() => failure = Some(refused),
            (Some(Err(other)), before) => failure = Some(before.unwrap_or(other)),
            (None, Some(failure)) => return Err(failure),
            (None, None) => return Err(nowhere(collectors.first())),
        }
    }
}

fn nowhere(address: &Address) -> DialError {
    DialError::new(Problem::Unreachable, address, "no collector was dialled".to_owned())
}

/// The way to the collector, and the proxy that it leads through, in words.
async fn open(address: &Address, route: Route) -> Result<(TcpStream, String), DialError> {
    let Some(proxy) = route.proxy else { return Ok((straight(address).await?, String::new())) };
    let refused = match through(&proxy, address).await {
        Ok(tcp) => return Ok((tcp, format!(" through the proxy {proxy}"))),
        Err(refused) => refused,
    };
    // A proxy of the environment may not be meant for us. What it said is worth more than that the rest is closed.
    if !route.or_straight {
        return Err(refused);
    }
    straight(address).await.map(|tcp| (tcp, String::new())).map_err(|_| refused)
}

async fn straight(address: &Address) -> Result<TcpStream, DialError> {
    let fail = |problem, what: String| move |source| DialError::new(problem, address, what).because(source);
    let way = async {
        let found = lookup_host((address.host.as_str(), address.port)).await;
        let found: Vec<_> = found
            .map_err(fail(Problem::NameLookup, format!("the name {} has no address here", address.host)))?
            .collect();
        connect(&found)
            .await
            .map_err(fail(Problem::Unreachable, format!("connecting to the collector {address} failed")))
    };
    let slow =
        || DialError::new(Problem::Slow, address, format!("connecting to the collector {address} took more than 15 s"));
    timeout(WAY_LIMIT, way).await.map_err(|_| slow())?
}

async fn through(proxy: &Proxy, address: &Address) -> Result<TcpStream, DialError> {
    let fail = |problem, what: String| move |source| DialError::new(problem, address, what).because(source);
    let way = async {
        let Address { host, port } = &proxy.address;
        let found = lookup_host((host.as_str(), *port)).await;
        let found: Vec<_> = found
            .map_err(fail(Problem::ProxyNameLookup, format!("the proxy's name {host} has no address here")))?
            .collect();
        let tcp = connect(&found).await;
        let tcp = tcp.map_err(fail(Problem::ProxyUnreachable, format!("connecting to the proxy {proxy} failed")))?;
        tunnel::open(tcp, proxy, address).await
    };
    let slow =
        || DialError::new(Problem::ProxyUnreachable, address, format!("the proxy {proxy} did not answer within 15 s"));
    timeout(WAY_LIMIT, way).await.map_err(|_| slow())?
}

async fn shake_hands(tcp: Counted, address: &Address, tls: ClientConfig) -> Result<TlsStream<Counted>, DialError> {
    let refuse = |trouble: Trouble| DialError { trouble, collector: address.clone(), source: None };
    let name = ServerName::try_from(address.host.clone()).map_err(|error| {
        refuse(Trouble::new(Problem::OtherName, format!("{address} is no name of a server: {error}")))
    })?;
    TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.map_err(|error| refuse(tls_trouble(&error, address)))
}

/// A failed handshake in words.
fn tls_trouble(error: &io::Error, address: &Address) -> Trouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let stranger = inner.and_then(Stranger::met);
    match (inner, stranger) {
        (_, Some(stranger)) if stranger.is_collector => Trouble::new(
            Problem::OtherCollector,
            format!(
                "the certificate of {address} is not from the expected authority but from {:?}",
                stranger.authority
            ),
        ),
        (_, Some(stranger)) => Trouble::new(
            Problem::TlsInspected,
            format!(
                "the certificate shown for {address} is not from the expected authority but from {:?}: a device on the \
                 network opens TLS connections, or another server answers there",
                stranger.authority
            ),
        ),
        (Some(TlsError::InvalidCertificate(certificate)), _) => certificate_trouble(certificate, address),
        (Some(TlsError::AlertReceived(alert)), _) => refusal(*alert).unwrap_or_else(|| {
            Trouble::new(Problem::NotTls, format!("{address} ended the handshake with the TLS alert {alert:?}"))
        }),
        (Some(TlsError::InvalidMessage(_)), _) => {
            Trouble::new(Problem::NotTls, format!("what answers at {address} does not speak TLS"))
        }
        (Some(other), _) => Trouble::new(Problem::NotTls, format!("TLS with {address} failed: {other}")),
        (None, _) => Trouble::new(Problem::Cut, format!("{address} hung up during the TLS handshake: {error}")),
    }
}

fn certificate_trouble(error: &CertificateError, address: &Address) -> Trouble {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Trouble::new(
            Problem::OtherName,
            format!("the collector's certificate is not for the name {}", address.host),
        ),
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Trouble::new(
            Problem::Clock,
            "the collector's certificate is expired or not yet valid by this machine's clock",
        ),
        other => Trouble::new(Problem::NotTls, format!("the certificate of {address} cannot be used: {other}")),
    }
}

/// A channel over the one connection that is already open; it is never dialled again.
async fn channel(stream: Watched) -> Result<Channel, tonic::transport::Error> {
    let mut once = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let stream = once.take().ok_or_else(|| io::Error::other("the connection is over"));
        std::future::ready(stream)
    });
    Endpoint::from_static("http://collector")
        .http2_keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
}

/// Notes the alert that ends the stream.
#[derive(Debug)]
struct Watched {
    stream: TlsStream<Counted>,
    alert: Alert,
}

impl Watched {
    fn note<T>(&self, result: &io::Result<T>) {
        let Err(error) = result else { return };
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        if let Some(TlsError::AlertReceived(alert)) = inner {
            *self.alert.lock().unwrap_or_else(PoisonError::into_inner) = Some(*alert);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(result) = &polled {
            self.note(result);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(result) = &polled {
            self.note(result);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
