//! A relay before a server that answers each request on a connection of its own. It can take an answer away after the server has
//! done what it was asked: the caller then knows no more than that it asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::wait;

/// What is read at a time.
const PORTION_BYTES: usize = 16 * 1024;

/// What becomes of the answer to the next request whose first line holds certain words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Mood {
    /// It arrives.
    #[default]
    Pass,
    /// It never arrives, and the connection stays.
    Hold(String),
    /// The connection ends without it.
    Lose(String),
}

/// The relay.
#[derive(Debug)]
pub struct LostReply {
    /// Where it listens.
    pub port: u16,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<AtomicUsize>,
}

impl LostReply {
    /// Starts it before a port of the loopback.
    pub async fn before(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (mood, taken) = (Arc::<Mutex<Mood>>::default(), Arc::<AtomicUsize>::default());
        let (shared_mood, shared_taken) = (Arc::clone(&mood), Arc::clone(&taken));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, to, Arc::clone(&shared_mood), Arc::clone(&shared_taken)));
            }
        });
        Self { port, mood, taken }
    }

    /// The answer to the next request whose first line holds `words` never arrives.
    pub fn hold(&self, words: &str) {
        *mood_of(&self.mood) = Mood::Hold(words.to_owned());
    }

    /// The connection of the next request whose first line holds `words` ends without an answer.
    pub fn lose(&self, words: &str) {
        *mood_of(&self.mood) = Mood::Lose(words.to_owned());
    }

    /// How many answers were taken away.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Waits until so many answers were taken away.
    pub async fn took(&self, count: usize, within: Duration) {
        wait::for_condition("an answer to be taken away", within, async || self.taken() >= count).await;
    }
}

fn mood_of(mood: &Mutex<Mood>) -> MutexGuard<'_, Mood> {
    mood.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry(mut near: TcpStream, to: u16, mood: Arc<Mutex<Mood>>, taken: Arc<AtomicUsize>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let mut start = vec![0; PORTION_BYTES];
    let Ok(count @ 1..) = near.read(&mut start).await else { return };
    start.truncate(count);
    let line = String::from_utf8_lossy(start.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let (mut far_in, mut far_out) = far.into_split();
    let (mut near_in, mut near_out) = near.into_split();
    let up = tokio::spawn(async move {
        if far_out.write_all(&start).await.is_ok() {
            tokio::io::copy(&mut near_in, &mut far_out).await.ok();
        }
    });
    let mut answer = Vec::new();
    far_in.read_to_end(&mut answer).await.ok();
    let mine = {
        let mut mood = mood_of(&mood);
        let meant = matches!(&*mood, Mood::Hold(words) | Mood::Lose(words) if line.contains(words.as_str()));
        if meant { std::mem::take(&mut *mood) } else { Mood::Pass }
    };
    match mine {
        Mood::Pass => {
            near_out.write_all(&answer).await.ok();
            near_out.shutdown().await.ok();
        }
        Mood::Lose(_) => {
            taken.fetch_add(1, Ordering::SeqCst);
        }
        Mood::Hold(_) => {
            taken.fetch_add(1, Ordering::SeqCst);
            // Until whoever asked is gone.
            up.await.ok();
            return;
        }
    }
    up.abort();
}
