use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::host::{Host, at};
use super::web::Web;
use super::{COLLECTOR, COLLECTOR_ADDRESS, WORLD};

/// How the router's name server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// It knows every name.
    Right,
    /// Nobody is there.
    Dead,
    /// It knows nothing, and has nobody to ask.
    Refusing,
    /// It says that no name exists.
    Denying,
    /// It says that every name is the router.
    Lying,
    /// It knows every name, and takes its time to say so.
    Slow,
}

/// How long a slow server takes.
pub(super) const DELAY: Duration = Duration::from_millis(700);

impl Names {
    /// The server, which also gives addresses; none when it is dead.
    pub(super) fn command(self, gw: &Host, leases: &Path) -> Option<Command> {
        let more = match self {
            Self::Dead => return None,
            Self::Refusing => String::new(),
            Self::Denying => "--address=/#/".to_owned(),
            Self::Lying => "--address=/#/10.77.1.1".to_owned(),
            Self::Right | Self::Slow => {
                let own = [(COLLECTOR, COLLECTOR_ADDRESS), ("proxy.corp.test", COLLECTOR_ADDRESS)];
                let all = own.iter().chain(&WORLD);
                all.map(|(name, address)| format!("--address=/{name}/{address}")).collect::<Vec<_>>().join(" ")
            }
        };
        let line = format!(
            "exec dnsmasq -k -C /dev/null --no-resolv --no-hosts --bind-interfaces --interface=eth0 \
             --pid-file= --user=root --dhcp-range=10.77.1.50,10.77.1.99,1h \
             --dhcp-option=3,10.77.1.1 --dhcp-leasefile={} --dhcp-authoritative --log-facility=- {more}",
            leases.display()
        );
        Some(gw.shell(&line))
    }
}

/// Passes questions on to the router's own server, late.
pub(super) fn delay(gw: &Host) -> Web {
    let socket = gw.open(|| UdpSocket::bind(at("10.77.1.1:5300")));
    // Made here, since the thread that answers belongs to no host.
    let askers: Vec<UdpSocket> = (0..64).map(|_| gw.open(|| UdpSocket::bind(at("10.77.1.1:0")))).collect();
    Web::serve(move || {
        let mut askers = askers.into_iter();
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let (Some(asker), Ok(back)) = (askers.next(), socket.try_clone()) else { return };
            let question = question[..length].to_vec();
            thread::spawn(move || {
                // The fault itself, which is measured: nothing is waited for.
                thread::sleep(DELAY);
                let mut answer = [0; 512];
                let _ = asker.send_to(&question, at("10.77.1.1:53"));
                if let Ok(length) = asker.recv(&mut answer) {
                    let _ = back.send_to(&answer[..length], from);
                }
            });
        }
    })
}
