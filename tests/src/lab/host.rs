use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{must, program};

/// A host: a network namespace, and files of its own below `/etc`.
#[derive(Debug)]
pub struct Host {
    name: String,
}

impl Host {
    /// A host without cables.
    pub(super) fn new(name: &str) -> Self {
        let mut add = Command::new("ip");
        add.args(["netns", "add", name]);
        must(add);
        let host = Self { name: name.to_owned() };
        fs::create_dir_all(host.etc()).expect("the folder can be made");
        host.run("ip link set lo up");
        host
    }

    /// A cable from here to `other`, plugged in on both ends.
    pub(super) fn cable(&self, own: &str, other: &Self, far: &str) {
        let mut add = Command::new("ip");
        add.args(["link", "add", own, "netns", &self.name, "type", "veth", "peer", "name", far, "netns", &other.name]);
        must(add);
        self.run(&format!("ip link set {own} up"));
        other.run(&format!("ip link set {far} up"));
    }

    /// Writes a file that only this host sees below `/etc`.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.etc().join(name), text).expect("the file can be written");
    }

    /// Runs a command line here; it must succeed.
    pub fn run(&self, line: &str) {
        must(self.shell(line));
    }

    /// A command line to be run here.
    pub(super) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "sh", "-ec", line]);
        command
    }

    /// One of the project's binaries, to be run here.
    pub(super) fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program(name)).args(arguments);
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
    }

    /// Whether somebody listens on a TCP port here.
    pub(super) fn is_listening(&self, port: u16) -> bool {
        let wanted = format!(":{port:04X} ");
        let is_open = |line: &str| line.contains(&wanted) && line.split_whitespace().nth(3) == Some("0A");
        let read = |file: &str| {
            let output = self.shell(&format!("cat /proc/net/{file}")).output().expect("cat runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        read("tcp").lines().chain(read("tcp6").lines()).any(is_open)
    }

    /// Opens a socket here, for a server that is a thread of the test.
    pub(super) fn open<T: Send + 'static>(&self, bind: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> T {
        let namespace = fs::File::open(format!("/run/netns/{}", self.name)).expect("the host exists");
        // A thread belongs to one host for good; the socket stays where it was opened.
        let opened = thread::spawn(move || {
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))
                .expect("root may enter a host");
            bind().expect("the socket opens")
        });
        opened.join().expect("the thread lives")
    }

    fn etc(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(&self.name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
        let _ = fs::remove_dir_all(self.etc());
    }
}

/// An address for a server.
pub(super) fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}
