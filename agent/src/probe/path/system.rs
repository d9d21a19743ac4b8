//! The system's own way of looking names up, which nobody can stop once it has begun.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// Looks names up as a program on this machine would: hosts file, cache and all.
///
/// The C library may need half a minute when no server answers, and cannot be interrupted. So each look-up has a thread
/// of its own, which is left behind when it is late; at most [`THREADS`] exist at a time, and who finds none free in
/// time is late as well. Such a thread keeps nothing of the agent: neither its end nor a pull waits for it.
#[derive(Debug, Clone)]
pub(in crate::probe) struct SystemResolver {
    free: Arc<Semaphore>,
}

/// What became of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its addresses, at least one; else how the look-up failed.
    pub(super) addresses: Result<Vec<IpAddr>, &'static str>,
    /// What it took, at most [`PATIENCE`].
    pub(super) took: Duration,
}

const THREADS: usize = 4;
/// How long a look-up may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Enough for the C library and the modules it loads.
const STACK_BYTES: usize = 512 * 1024;
/// More addresses than this are not tried.
const ADDRESSES: usize = 8;
/// What fails sooner than this did not wait for a silent server.
const SOON: Duration = Duration::from_secs(1);

impl Default for SystemResolver {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(THREADS)) }
    }
}

impl SystemResolver {
    /// Looks `name` up.
    pub(super) async fn look_up(&self, name: &str) -> Found {
        let start = Instant::now();
        let name = name.to_owned();
        let addresses = self.within_patience(move || resolve(&name, start)).await.unwrap_or(Err("timeout"));
        Found { addresses, took: start.elapsed().min(PATIENCE) }
    }

    /// What `work` gives on a thread of its own; nothing when it is late or no thread is free.
    async fn within_patience<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let free = Arc::clone(&self.free);
        let wait = async {
            let place = free.acquire_owned().await.ok()?;
            let (done, result) = oneshot::channel();
            let thread = std::thread::Builder::new().name("look-up".to_owned()).stack_size(STACK_BYTES);
            let started = thread.spawn(move || {
                let _ = done.send(work());
                drop(place);
            });
            started.ok()?;
            result.await.ok()
        };
        timeout(PATIENCE, wait).await.ok().flatten()
    }
}

fn resolve(name: &str, start: Instant) -> Result<Vec<IpAddr>, &'static str> {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => {
            let mut all: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            all.dedup();
            all.truncate(ADDRESSES);
            if all.is_empty() { Err("nxdomain") } else { Ok(all) }
        }
        Err(source) => Err(class(&source, start.elapsed())),
    }
}

/// The C library gives only texts; the two that matter are the same on every system's. The same text stands for a server
/// that said nothing and for one that said that it does not know, which the time tells apart.
fn class(source: &io::Error, took: Duration) -> &'static str {
    let text = source.to_string().to_ascii_lowercase();
    if text.contains("temporary failure") || text.contains("try again") {
        if took < SOON { "servfail" } else { "timeout" }
    } else if text.contains("not known") || text.contains("no address") || text.contains("no such host") {
        "nxdomain"
    } else {
        "failed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn finds_this_machine() {
        let found = SystemResolver::default().look_up("localhost").await;
        assert!(found.addresses.expect("the hosts file").iter().all(IpAddr::is_loopback));
    }

    #[tokio::test]
    async fn look_ups_that_hang_hold_nobody_up_and_are_no_more_than_a_few() {
        tokio::time::pause();
        let resolver = SystemResolver::default();
        let (let_go, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        for _ in 0..THREADS + 2 {
            let held = Arc::clone(&held);
            let late = resolver.within_patience(move || held.lock().is_ok_and(|held| held.recv().is_ok())).await;
            assert!(late.is_none());
        }
        assert_eq!(resolver.free.available_permits(), 0);
        drop(let_go);
        let all = Arc::clone(&resolver.free).acquire_many_owned(THREADS as u32).await;
        assert!(all.is_ok(), "every thread gives its place back when it ends");
    }

    #[test]
    fn knows_the_texts_of_the_c_library() {
        let class = |text: &str, took| super::class(&io::Error::other(text.to_owned()), took);
        assert_eq!(class("failed to lookup address information: Name or service not known", SOON), "nxdomain");
        assert_eq!(class("Temporary failure in name resolution", PATIENCE), "timeout");
        assert_eq!(class("Temporary failure in name resolution", Duration::ZERO), "servfail");
        assert_eq!(class("odd", SOON), "failed");
    }
}
