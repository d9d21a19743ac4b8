//! An Active Directory of its own: Samba's domain controller, from Debian's packages, in a folder that goes with it.
//!
//! It serves LDAP alone, in one process, on the usual ports of a loopback address of its own, which takes root. Its people are
//! those of `tests/active_directory/seed.py`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, wait};

/// How long it may take to come up, on a busy machine.
const READY: Duration = Duration::from_mins(1);

/// Who people are.
const SEED: &str = include_str!("../active_directory/seed.py");

/// A domain controller of `corp.test`, perhaps running.
#[derive(Debug)]
pub struct ActiveDirectory {
    /// Where it listens, on ports 389 and 636.
    pub address: String,
    folder: TempDir,
    process: Option<Process>,
}

impl ActiveDirectory {
    /// A new one, ready to be asked.
    pub async fn start() -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = format!("127.98.{high}.{}", low.clamp(1, 254));
        let mut directory = Self { address, folder: tempfile::tempdir().expect("a folder"), process: None };
        directory.provision();
        directory.certify();
        let password = format!("Aa1!{}", uuid::Uuid::new_v4());
        let (domain, seed) = (directory.path("domain"), directory.path("seed.py"));
        fs::write(&seed, SEED).expect("written");
        // The system's own Python, which has Samba's modules.
        run(Command::new("/usr/bin/python3").arg(seed).arg(domain).arg(&password));
        fs::write(directory.secret(), password).expect("written");
        fs::write(directory.wrong_secret(), "Aa1!wrong").expect("written");
        directory.go().await;
        directory
    }

    /// Starts it, or starts it again, and waits until it listens.
    pub async fn go(&mut self) {
        let mut command = Command::new("samba");
        command.args(["--interactive", "--model=single", "--configfile"]).arg(self.path("domain/etc/smb.conf"));
        let process = Process::start("Samba", command, &self.path("samba.log"));
        let process = self.process.insert(process);
        wait::for_condition("the directory to listen", READY, async || {
            assert!(process.is_running(), "Samba ended:\n{}", process.log());
            tokio::net::TcpStream::connect((self.address.as_str(), 636)).await.is_ok()
        })
        .await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// The file with the password of the account `firstline`, which may read what everybody may.
    pub fn secret(&self) -> PathBuf {
        self.path("firstline.secret")
    }

    /// A file with a password that is nobody's.
    pub fn wrong_secret(&self) -> PathBuf {
        self.path("wrong.secret")
    }

    /// The certificate under which its own is.
    pub fn root(&self) -> PathBuf {
        self.path("certificate.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn provision(&self) {
        let target = self.path("domain");
        let mut command = Command::new("samba-tool");
        command.args([
            "domain",
            "provision",
            "--realm=CORP.TEST",
            "--domain=CORP",
            "--server-role=dc",
            "--host-name=dc1",
        ]);
        command.args(["--dns-backend=NONE", &format!("--host-ip={}", self.address)]);
        command.arg(format!("--adminpass=Aa1!{}", uuid::Uuid::new_v4())).arg("--targetdir").arg(&target);
        let options = [
            format!("interfaces={}/8", self.address),
            "bind interfaces only=yes".to_owned(),
            "server services=ldap".to_owned(),
            "ldap server require strong auth=yes".to_owned(),
            format!("pid directory={}", self.folder.path().display()),
            format!("tls certfile={}", self.root().display()),
            format!("tls cafile={}", self.root().display()),
            format!("tls keyfile={}", self.path("key.pem").display()),
        ];
        command.args(options.iter().map(|option| format!("--option={option}")));
        run(&mut command);
    }

    /// A certificate that is its own root, for the address and the controller's name.
    fn certify(&self) {
        let names = vec![self.address.clone(), "dc1.corp.test".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        fs::write(self.root(), made.cert.pem()).expect("written");
        let key = self.path("key.pem");
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("for its owner only");
    }
}

/// Runs a command to its end, which must be a good one.
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("the package is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
}
