use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::host::{Host, at};

/// A server that is a thread of the test. It ends with the test's process.
#[derive(Debug)]
pub(super) struct Web(());

impl Web {
    /// A page on every address of `host`.
    pub(super) fn page(host: &Host, text: &'static str) -> Self {
        let listener = host.open(|| TcpListener::bind(at("0.0.0.0:80")));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
        Self::answer(listener, answer)
    }

    /// A portal that sends everybody to its own page.
    pub(super) fn portal(host: &Host) -> Self {
        let listener = host.open(|| TcpListener::bind(at("10.77.1.1:80")));
        let answer = "HTTP/1.1 302 Found\r\nLocation: http://portal.test/login\r\nContent-Length: 0\r\n\r\n";
        Self::answer(listener, answer.to_owned())
    }

    fn answer(listener: TcpListener, answer: String) -> Self {
        Self::serve(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                thread::spawn(move || reply(stream, &answer));
            }
        })
    }

    pub(super) fn serve(work: impl FnOnce() + Send + 'static) -> Self {
        thread::spawn(work);
        Self(())
    }
}

/// Answers after the head of a request; who hangs up before is left alone.
fn reply(mut stream: TcpStream, answer: &str) {
    let Ok(own) = stream.try_clone() else { return };
    let ended = BufReader::new(own).lines().map_while(Result::ok).any(|line| line.is_empty());
    if ended {
        let _ = stream.write_all(answer.as_bytes());
    }
}
