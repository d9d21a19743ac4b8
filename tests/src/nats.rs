//! A NATS server of its own, in a folder that goes with it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, port, wait};

/// How long a server may take to come up.
const READY: Duration = Duration::from_mins(1);

/// The user that collectors are.
const USER: &str = "collector";

/// A server, perhaps running.
#[derive(Debug)]
pub struct Nats {
    folder: TempDir,
    port: u16,
    process: Option<Process>,
}

impl Nats {
    /// A server that asks for a password, ready to be used.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (port, password) = (port::free(), format!("{:032x}", uuid::Uuid::new_v4().as_u128()));
        let users = format!("authorization {{ users = [ {{ user: {USER}, password: \"{password}\" }} ] }}\n");
        fs::write(folder.path().join("nats.conf"), format!("listen: 127.0.0.1:{port}\n{users}")).expect("written");
        fs::write(folder.path().join("secret"), password).expect("the password can be kept");
        let mut server = Self { folder, port, process: None };
        server.go().await;
        server
    }

    /// Starts the server, or starts it again, and waits until it listens.
    pub async fn go(&mut self) {
        let mut command = Command::new("/usr/sbin/nats-server");
        command.arg("-c").arg(self.folder.path().join("nats.conf"));
        self.process = Some(Process::start("NATS", command, &self.folder.path().join("log")));
        wait::for_listener(self.port, READY).await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// The file that holds the password.
    pub fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// What the configuration of the replica `name` says about it.
    pub fn configuration(&self, name: &str) -> String {
        format!(
            "[replicas]\nname = \"{name}\"\nnats_url = \"nats://{USER}@127.0.0.1:{}\"\nnats_password_file = \"{}\"\n",
            self.port,
            self.secret().display()
        )
    }
}
