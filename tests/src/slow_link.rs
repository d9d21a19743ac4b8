//! A thin line between an agent and its collector: what goes up is held to a rate, as over a mobile network.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::wait;

/// Passed on at a time.
const PORTION_BYTES: usize = 8 * 1024;

/// A relay to a port of the loopback.
#[derive(Debug)]
pub struct SlowLink {
    /// Where it listens.
    pub port: u16,
}

impl SlowLink {
    /// Starts it; what goes to `to` goes at so many bytes a second.
    pub async fn start(to: u16, bytes_per_second: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let each = Duration::from_secs(1) * u32::try_from(PORTION_BYTES).expect("a small number") / bytes_per_second;
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, to, each));
            }
        });
        Self { port }
    }
}

async fn carry(near: TcpStream, to: u16, each: Duration) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let up = async {
        let mut bytes = [0; PORTION_BYTES];
        let mut pace = wait::turns(each);
        while let Ok(count @ 1..) = near_in.read(&mut bytes).await {
            pace.tick().await;
            if far_out.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
        far_out.shutdown().await.ok();
    };
    let down = async {
        tokio::io::copy(&mut far_in, &mut near_out).await.ok();
        near_out.shutdown().await.ok();
    };
    tokio::join!(up, down);
}
