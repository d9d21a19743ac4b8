//! One connection to a collector: TCP, TLS 1.3, HTTP/2.
//!
//! The connection is made before tonic sees it, so that each layer's failure keeps its own words. With TLS 1.3 a
//! collector refuses a client certificate after the handshake, with an alert on the first read; the alert is noted as
//! it passes, since by the time it is an RPC's status it has lost its name.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::config::Address;

/// Time for TCP and TLS together.
const DIAL_LIMIT: Duration = Duration::from_secs(15);

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum DialError {
    /// No TCP connection.
    #[error("connecting to the collector {address} failed; check the address and that port {} is open", address.port)]
    Connect {
        /// Which collector.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// Nothing came of it in time.
    #[error("connecting to the collector {0} took more than 15 s")]
    Slow(Address),
    /// TLS was refused by one of the two sides.
    #[error("the collector {address} is not trusted or does not speak TLS 1.3: {reason}")]
    Tls {
        /// Which collector.
        address: Address,
        /// In words.
        reason: String,
    },
}

/// A connection with its channel.
#[derive(Debug)]
pub struct Link {
    /// For generated clients.
    pub channel: Channel,
    alert: Alert,
}

/// The alert that ended the connection, if one did.
type Alert = Arc<Mutex<Option<AlertDescription>>>;

impl Link {
    /// Why an RPC failed: the alert that the collector's TLS sent, or the status in its own words.
    pub fn explain(&self, status: &tonic::Status) -> String {
        match self.refusal() {
            Some(words) => words.to_owned(),
            None => status.message().to_owned(),
        }
    }

    /// Why the collector's TLS refused this endpoint, if it did.
    pub fn refusal(&self) -> Option<&'static str> {
        let alert = *self.alert.lock().unwrap_or_else(PoisonError::into_inner);
        alert.and_then(refusal_words)
    }
}

/// Alerts about our certificate, in words that say what to do.
fn refusal_words(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRevoked => {
            "this endpoint's certificate was revoked; enrol it again with a new token if it should come back"
        }
        AlertDescription::CertificateExpired => {
            "this endpoint's certificate has expired; enrol it again with a new token, and check the clock"
        }
        AlertDescription::UnknownCA => {
            "the collector does not know this endpoint's authority; enrol it at this collector"
        }
        AlertDescription::CertificateRequired => "the collector wants a client certificate",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => "the collector refused this endpoint's certificate",
        _ => return None,
    })
}

/// Connects to `address`.
pub async fn dial(address: &Address, tls: ClientConfig) -> Result<Link, DialError> {
    let stream = tokio::time::timeout(DIAL_LIMIT, open(address, tls));
    let stream = stream.await.map_err(|_| DialError::Slow(address.clone()))??;
    let alert = Alert::default();
    let watched = Watched { stream, alert: Arc::clone(&alert) };
    let channel = channel(watched).await.map_err(|error| DialError::Tls {
        address: address.clone(),
        reason: format!("HTTP/2 could not be started: {error}"),
    })?;
    Ok(Link { channel, alert })
}

async fn open(address: &Address, tls: ClientConfig) -> Result<TlsStream<TcpStream>, DialError> {
    let fail = |source| DialError::Connect { address: address.clone(), source };
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(fail)?;
    tcp.set_nodelay(true).map_err(fail)?;
    let refuse = |reason| DialError::Tls { address: address.clone(), reason };
    let name = ServerName::try_from(address.host.clone()).map_err(|error| refuse(error.to_string()))?;
    TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.map_err(|error| refuse(tls_words(&error)))
}

/// A failed handshake in words.
fn tls_words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match inner {
        // Another collector's authority may bear the same name: then it is the signature that does not fit.
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            "its certificate is not from the expected authority; is this the right collector, and the token of this one?"
                .to_owned()
        }
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "its certificate is for another name; dial the name that is in the collector's certificate".to_owned(),
        Some(TlsError::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => "its certificate is expired or not yet valid; check this machine's clock first".to_owned(),
        Some(TlsError::AlertReceived(alert)) => {
            refusal_words(*alert).map_or_else(|| format!("it sent the TLS alert {alert:?}"), str::to_owned)
        }
        _ => error.to_string(),
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
        .http2_keep_alive_interval(Duration::from_secs(45))
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
}

/// Notes the alert that ends the stream.
#[derive(Debug)]
struct Watched {
    stream: TlsStream<TcpStream>,
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
