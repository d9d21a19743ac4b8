//! Asks one name server: a datagram, once more when nothing comes, a stream when the answer does not fit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{Answer, Question};

/// How long a server may take for a try, and how many tries it has.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
/// Longest datagram that is taken; longer ones come as a stream.
const DATAGRAM: usize = 1232;
/// Longest answer that is taken from a stream.
const STREAM: usize = 16 * 1024;
/// Datagrams that answer another question, and are passed over within a try.
const STRANGERS: usize = 32;

/// The addresses that `server` gives for `name`, none when the name exists without an IPv4 address; else how it failed.
pub(super) async fn ask(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>, &'static str> {
    let question = Question::address_of(name, rand::random()).ok_or("failed")?;
    let mut answer = Err("timeout");
    for _ in 0..TRIES {
        answer = timeout(PATIENCE, by_datagram(server, &question)).await.unwrap_or(Err("timeout"));
        if answer != Err("timeout") {
            break;
        }
    }
    let mut answer = answer?;
    if answer.truncated {
        answer = timeout(PATIENCE, by_stream(server, &question)).await.unwrap_or(Err("timeout"))?;
    }
    judge(answer)
}

async fn by_datagram(server: SocketAddr, question: &Question) -> Result<Answer, &'static str> {
    let any = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let class = |source: io::Error| class(&source);
    // A socket of its own, so that the port is another one each time; connected, so that others are not heard.
    let socket = UdpSocket::bind((any, 0)).await.map_err(class)?;
    socket.connect(server).await.map_err(class)?;
    socket.send(&question.bytes).await.map_err(class)?;
    let mut buffer = [0; DATAGRAM];
    for _ in 0..STRANGERS {
        let length = socket.recv(&mut buffer).await.map_err(class)?;
        if let Some(answer) = question.read(&buffer[..length]) {
            return Ok(answer);
        }
    }
    Err("failed")
}

async fn by_stream(server: SocketAddr, question: &Question) -> Result<Answer, &'static str> {
    let class = |source: io::Error| class(&source);
    let mut stream = TcpStream::connect(server).await.map_err(class)?;
    let mut framed = (question.bytes.len() as u16).to_be_bytes().to_vec();
    framed.extend(&question.bytes);
    stream.write_all(&framed).await.map_err(class)?;
    let length = usize::from(stream.read_u16().await.map_err(class)?);
    if length > STREAM {
        return Err("failed");
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.map_err(class)?;
    question.read(&bytes).ok_or("failed")
}

/// A name that exists without an IPv4 address is an answer.
fn judge(answer: Answer) -> Result<Vec<IpAddr>, &'static str> {
    match answer.code {
        0 => Ok(answer.addresses),
        2 => Err("servfail"),
        3 => Err("nxdomain"),
        5 => Err("refused"),
        _ => Err("failed"),
    }
}

fn class(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "failed",
        // Among them a machine that says that nobody listens on the port.
        _ => "unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::answer;
    use super::*;
    use tokio::net::TcpListener;

    const ADDRESS: [u8; 4] = [192, 0, 2, 7];

    /// A name server on this machine that sends what `reply` makes of each question, after `strangers` of other
    /// answers.
    async fn server(strangers: usize, reply: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut question).await {
                for _ in 0..strangers {
                    let _ = socket.send_to(b"not what was asked for", peer).await;
                }
                let _ = socket.send_to(&reply(&question[..length]), peer).await;
            }
        });
        address
    }

    async fn asked(code: u8) -> Result<Vec<IpAddr>, &'static str> {
        ask(server(0, move |question| answer(question, code, ADDRESS)).await, "must.exist").await
    }

    #[tokio::test]
    async fn tells_answers_apart() {
        assert_eq!(asked(0).await, Ok(vec![IpAddr::from(ADDRESS)]));
        assert_eq!(asked(2).await, Err("servfail"));
        assert_eq!(asked(3).await, Err("nxdomain"));
        assert_eq!(asked(5).await, Err("refused"));
        assert_eq!(asked(4).await, Err("failed"));
    }

    #[tokio::test]
    async fn passes_over_what_answers_another_question_but_not_for_ever() {
        let some = server(3, |question| answer(question, 0, ADDRESS)).await;
        assert_eq!(ask(some, "must.exist").await, Ok(vec![IpAddr::from(ADDRESS)]));
        let flood = server(STRANGERS, |question| answer(question, 0, ADDRESS)).await;
        assert_eq!(ask(flood, "must.exist").await, Err("failed"));
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_known_at_once() {
        let gone = UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
        assert_eq!(ask(gone, "must.exist").await, Err("unreachable"));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_timeout_after_two_tries() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let start = tokio::time::Instant::now();
        assert_eq!(ask(silent.local_addr().expect("bound"), "must.exist").await, Err("timeout"));
        assert!((PATIENCE * 2..PATIENCE * 3).contains(&start.elapsed()));
    }

    #[tokio::test]
    async fn what_does_not_fit_a_datagram_comes_as_a_stream() {
        let address = server(0, |question| {
            let mut short = answer(question, 0, ADDRESS);
            short.truncate(question.len());
            short[2] |= 0x02;
            short[7] = 0;
            short
        })
        .await;
        let listener = TcpListener::bind(address).await.expect("the same port");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut question = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
            stream.read_exact(&mut question).await.expect("a question");
            let answer = answer(&question, 0, ADDRESS);
            stream.write_u16(answer.len() as u16).await.expect("written");
            stream.write_all(&answer).await.expect("written");
        });
        assert_eq!(ask(address, "must.exist").await, Ok(vec![IpAddr::from(ADDRESS)]));
    }
}
