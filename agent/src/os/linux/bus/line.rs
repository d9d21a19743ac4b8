//! One connection to the system bus, on which one question at a time is asked and waited for.
//!
//! Whoever asks waits on the socket itself, which is one wake-up for each answer. A connection that works in the background
//! takes three, and a tenth of a megabyte of program.

use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::message::{self, HEAD_BYTES, Message, Question};
use super::{BUS, Fault};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 4096;

/// Files that one read may bring along; logind gives one.
const FILES_MAX: usize = 4;

/// The longest line of the greeting.
const LINE_BYTES_MAX: usize = 512;

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    socket: UnixStream,
    serial: u32,
    /// What came and is not yet a whole message.
    rest: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Line {
    /// Connects to the bus at `socket` and says who we are, by `until`.
    ///
    /// # Errors
    /// Nobody answers there, or not as a bus does.
    pub(super) fn open(socket: &Path, until: Instant) -> Result<Self, Fault> {
        Self::greet(UnixStream::connect(socket)?, until)
    }

    pub(super) fn greet(socket: UnixStream, until: Instant) -> Result<Self, Fault> {
        let mut line = Self { socket, serial: 0, rest: Vec::new(), files: Vec::new() };
        // In hexadecimal, where a decimal digit is itself behind a three.
        let user = rustix::process::geteuid().as_raw().to_string();
        let user: String = user.chars().flat_map(|digit| ['3', digit]).collect();
        line.send(format!("\0AUTH EXTERNAL {user}\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n").as_bytes(), until)?;
        for wanted in ["OK ", "AGREE_UNIX_FD"] {
            let said = line.greeting(until)?;
            if !said.starts_with(wanted) {
                return Err(Fault::Odd(format!("{said:?} instead of {wanted:?}")));
            }
        }
        let name: String = line.ask(&Question::new(BUS, "Hello", &())?, until)?.body()?;
        tracing::trace!("On the system bus as {name}");
        Ok(line)
    }

    /// One line of the greeting. Byte by byte: what comes after the last one is not text, and there are fifty of them.
    fn greeting(&mut self, until: Instant) -> Result<String, Fault> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            self.be_patient(until)?;
            let mut byte = [0];
            self.socket.read_exact(&mut byte)?;
            line.extend_from_slice(&byte);
            if line.len() > LINE_BYTES_MAX {
                return Err(Fault::Odd("a greeting without an end".to_owned()));
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Asks, and waits for the answer until `until`. What comes meanwhile and is not the answer is let go.
    ///
    /// # Errors
    /// The answer is an error, or there is none.
    pub(super) fn ask(&mut self, question: &Question, until: Instant) -> Result<Message, Fault> {
        self.serial = self.serial.checked_add(1).unwrap_or(1);
        let serial = self.serial;
        self.send(&question.numbered(serial)?, until)?;
        loop {
            let said = self.receive(Some(until))?;
            if said.answers(serial) {
                return said.error().map_or(Ok(said), |name| Err(Fault::Refused(name)));
            }
        }
    }

    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Fault> {
        self.socket.set_write_timeout(Some(left(until)?))?;
        Ok(self.socket.write_all(bytes)?)
    }

    /// The next message; waits for it until `until`, or as the socket does when that is left to it.
    ///
    /// # Errors
    /// It did not come in time (or is not there yet), or the bus is gone.
    pub(super) fn receive(&mut self, until: Option<Instant>) -> Result<Message, Fault> {
        loop {
            let wanted = self.rest.get(..HEAD_BYTES).map(message::length).transpose()?.unwrap_or(HEAD_BYTES);
            if self.rest.len() >= wanted && self.rest.len() >= HEAD_BYTES {
                let whole: Vec<u8> = self.rest.drain(..wanted).collect();
                return Message::read(&whole, &mut self.files);
            }
            if let Some(until) = until {
                self.be_patient(until)?;
            }
            self.take(CHUNK_BYTES)?;
        }
    }

    /// Reads what is there, up to `bytes`, and the files that come along.
    fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let start = self.rest.len();
        self.rest.resize(start + bytes, 0);
        let into = &mut [IoSliceMut::new(&mut self.rest[start..])];
        let came = recvmsg(&self.socket, into, &mut control, RecvFlags::CMSG_CLOEXEC);
        self.rest.truncate(start + came.as_ref().map_or(0, |came| came.bytes));
        let came = match came {
            Err(Errno::INTR) => return Ok(()),
            came => came.map_err(io::Error::from)?,
        };
        for brought in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = brought {
                self.files.extend(files);
            }
        }
        if came.bytes == 0 { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(()) }
    }

    fn be_patient(&self, until: Instant) -> Result<(), Fault> {
        Ok(self.socket.set_read_timeout(Some(left(until)?))?)
    }

    /// From now on nothing is waited for on the socket itself.
    pub(super) fn be_hasty(&self) -> Result<(), Fault> {
        Ok(self.socket.set_nonblocking(true)?)
    }
}

impl AsRawFd for Line {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn left(until: Instant) -> Result<Duration, Fault> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut).into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::message::tests::{answer, refusal, signal};
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// A bus that greets and then says these things, one after another, each to a question; then it is gone.
    fn bus(said: Vec<Vec<u8>>) -> Result<Line, Fault> {
        let (ours, mut theirs) = UnixStream::pair()?;
        thread::spawn(move || {
            let mut heard = [0; 2048];
            let mut say = |bytes: &[u8]| theirs.read(&mut heard).and_then(|_| theirs.write_all(bytes));
            say(b"OK 1234\r\nAGREE_UNIX_FD\r\n")?;
            say(&answer(1, &(":1.7",)))?;
            said.iter().try_for_each(|bytes| say(bytes))
        });
        Line::greet(ours, soon())
    }

    fn ask(line: &mut Line) -> Result<u32, Fault> {
        line.ask(&Question::new(BUS, "Question", &("word",))?, soon())?.body()
    }

    #[test]
    fn an_answer_is_found_among_what_else_comes() {
        let noise = signal(":1.4", "PrepareForSleep", &true);
        let late = answer(1, &(1_u32,));
        let mut line = bus(vec![[noise, late, answer(2, &(5_u32,))].concat(), answer(3, &(6_u32,))]).expect("greeted");
        assert_eq!(ask(&mut line).ok(), Some(5));
        assert_eq!(ask(&mut line).ok(), Some(6));
    }

    #[test]
    fn who_refuses_says_why_and_who_is_gone_is_gone() {
        let mut line = bus(vec![refusal(2, "org.freedesktop.DBus.Error.AccessDenied")]).expect("greeted");
        assert!(matches!(ask(&mut line), Err(Fault::Refused(name)) if name.ends_with("AccessDenied")));
        assert!(matches!(ask(&mut line), Err(Fault::Broken(_))));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_was_said() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let silent = Line::greet(ours, Instant::now() + Duration::from_millis(20));
        assert!(matches!(silent, Err(Fault::Broken(error)) if error.kind() == io::ErrorKind::WouldBlock));
    }

    #[test]
    fn what_is_no_bus_is_told_so() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n").expect("said");
        assert!(matches!(Line::greet(ours, soon()), Err(Fault::Odd(said)) if said.contains("HTTP")));
    }
}
