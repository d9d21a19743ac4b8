use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use rustix::net::{recv, sendto, socket_with};

use crate::os::netlink::{Message, Request, family_id, messages};
use crate::probe::ProbeError;

/// A line to the kernel of this machine.
pub(crate) struct Kernel {
    socket: OwnedFd,
}

/// The kernel answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// The kernel cuts its answers to what the reader takes; it never makes a part longer than this.
const PART_BYTES: usize = 32 * 1024;
/// The rules of a server with containers come to about a megabyte.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Kernel {
    /// A line to the families that go by name. Asking for a name that is not known makes the kernel load a module:
    /// callers first look for what the family is about.
    pub(crate) fn generic(root: &Path) -> Result<Self, ProbeError> {
        Self::open(root, Some(netlink::GENERIC))
    }

    /// A line to the family that knows addresses, routes and neighbours.
    pub(crate) fn route(root: &Path) -> Result<Self, ProbeError> {
        // Its number is zero, which is also what stands for "the usual one".
        Self::open(root, None)
    }

    /// A line to the packet filter, under the same condition.
    pub(crate) fn netfilter(root: &Path) -> Result<Self, ProbeError> {
        Self::open(root, Some(netlink::NETFILTER))
    }

    /// A line to the list of IPsec connections, under the same condition.
    pub(crate) fn ipsec(root: &Path) -> Result<Self, ProbeError> {
        Self::open(root, Some(netlink::XFRM))
    }

    fn open(root: &Path, protocol: Option<Protocol>) -> Result<Self, ProbeError> {
        if root != Path::new("/") {
            return Err(ProbeError::NotPresent("kernel behind these files"));
        }
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol);
        let socket = socket.map_err(|errno| failed("the kernel", errno))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).map_err(|errno| failed("the kernel", errno))?;
        Ok(Self { socket })
    }

    /// The number of the family called `name`.
    pub(crate) fn family(&self, name: &str) -> Result<u16, ProbeError> {
        let answer = self.ask(name, &Request::family(name).done())?;
        let body = messages(&answer).find_map(|message| match message {
            Message::Body(body) => family_id(body),
            Message::End(_) => None,
        });
        body.ok_or_else(|| ProbeError::Missing(name.to_owned()))
    }

    /// Sends `request` and gives the whole answer; `what` names it in reasons.
    pub(crate) fn ask(&self, what: &str, request: &[u8]) -> Result<Vec<u8>, ProbeError> {
        let kernel = netlink::SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, request, SendFlags::empty(), &kernel).map_err(|errno| failed(what, errno))?;
        let mut answer = Vec::new();
        let mut part = vec![0_u8; PART_BYTES];
        while answer.len() < ANSWER_BYTES_MAX {
            let (_, length) =
                recv(&self.socket, &mut part[..], RecvFlags::empty()).map_err(|errno| failed(what, errno))?;
            let received = &part[..length.min(PART_BYTES)];
            answer.extend_from_slice(received);
            let end = messages(received).find_map(|message| match message {
                Message::End(errno) => Some(errno),
                Message::Body(_) => None,
            });
            match end {
                Some(0) => return Ok(answer),
                Some(errno) => return Err(failed(what, Errno::from_raw_os_error(errno))),
                None => {}
            }
        }
        Err(ProbeError::Failed(format!("{what}: the answer of the kernel has no end")))
    }
}

fn failed(what: &str, errno: Errno) -> ProbeError {
    match errno {
        Errno::PERM | Errno::ACCESS => ProbeError::NoPermission(what.to_owned()),
        Errno::AGAIN => ProbeError::Timeout(what.to_owned()),
        Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => {
            ProbeError::Missing(what.to_owned())
        }
        other => ProbeError::Failed(format!("{what}: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_the_number_of_a_family_that_is_always_there() {
        let kernel = Kernel::generic(Path::new("/")).expect("a line");
        assert_eq!(kernel.family("nlctrl"), Ok(16));
    }

    #[test]
    fn a_fixture_tree_has_no_kernel() {
        assert!(matches!(Kernel::generic(Path::new("/nowhere")), Err(ProbeError::NotPresent(_))));
    }
}
