//! A machine inside this one: a Debian whose first process is systemd. It boots in about a second, restarts services,
//! shuts down, and loses its power. Needs root, like the services that it is for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use rustix::fs::inotify;

use crate::collector::text;
use crate::{Outcome, Process, binary, wait};

/// How long the image may take to be made, when this is the first test that needs it.
const IMAGE: Duration = Duration::from_mins(4);

/// How long a guest may take to boot or to shut down on a busy machine.
const TURN: Duration = Duration::from_mins(1);

/// A guest; dropping it cuts its power and forgets its files.
#[derive(Debug)]
pub struct Guest {
    image: PathBuf,
    folder: PathBuf,
    cgroup: PathBuf,
    process: Option<Process>,
    first: u32,
}

impl Guest {
    /// A guest that keeps its files in `folder`, booted.
    pub async fn boot(folder: &Path) -> Self {
        let image = image().await;
        fs::create_dir_all(folder).expect("the guest's folder can be made");
        let cgroup = cgroup_root().join(format!("firstline-guest-{}", std::process::id()));
        let mut guest = Self { image, folder: folder.to_owned(), cgroup, process: None, first: 0 };
        guest.power_on().await;
        guest
    }

    /// Boots it and waits until its system is up.
    pub async fn power_on(&mut self) {
        let mut command = Command::new(binary::repository().join("tests/guest/boot"));
        command.args([&self.image, &self.folder, &self.cgroup]);
        let first = self.folder.join("first");
        // Of the boot before this one.
        fs::remove_file(&first).ok();
        self.process = Some(Process::start("the guest", command, &self.folder.join("console.log")));
        self.first =
            wait::until("the guest to start", TURN, async || fs::read_to_string(&first).ok()?.trim().parse().ok())
                .await;
        wait::for_condition("the guest's system to be up", TURN, async || {
            let said = self.run("systemctl is-system-running").await.stdout;
            ["running", "degraded"].contains(&said.trim())
        })
        .await;
    }

    /// Shuts it down in order.
    pub async fn shut_down(&mut self) {
        self.run("systemctl --no-block poweroff").await;
        self.process.take().expect("the guest runs").ended(TURN).await;
    }

    /// SIGKILL to everything in it, at once.
    pub fn cut_power(&mut self) {
        self.process.take().expect("the guest runs").kill();
    }

    /// Runs a line of shell as root in it, to its end.
    pub async fn run(&self, line: &str) -> Outcome {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first.to_string()]);
        command.args([
            "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--time", "--root", "--wd", "--", "sh", "-c", line,
        ]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
        Outcome::of(command).await
    }

    /// What a line of shell that must succeed prints, trimmed.
    pub async fn says(&self, line: &str) -> String {
        self.run(line).await.done().stdout.trim().to_owned()
    }

    /// Waits until a line of shell succeeds.
    pub async fn comes_to(&self, line: &str) {
        wait::for_condition(&format!("`{line}` in the guest"), TURN, async || self.run(line).await.status == 0).await;
    }

    /// Puts a file of this machine into it.
    pub fn put(&self, file: &Path, inside: &str) {
        fs::copy(file, self.path(inside)).expect("the guest takes a file");
    }

    /// Writes a file in it; the folder is made.
    pub fn write(&self, inside: &str, content: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the guest takes a folder");
        fs::write(path, content).expect("the guest takes a file");
    }

    /// A path of the running guest, as this machine reaches it.
    fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.first))
    }

    /// The number on this machine of a process that has this one in the guest.
    pub fn process(&self, inside: u32) -> u32 {
        let space = |process: &str| fs::read_link(format!("/proc/{process}/ns/pid")).ok();
        let own = space(&self.first.to_string());
        let entries = fs::read_dir("/proc").expect("Linux has processes").flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_it = |process: &String| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            numbers.split_whitespace().last() == Some(inside.to_string().as_str()) && space(process) == own
        };
        let found = names.filter(|name| name.parse::<u32>().is_ok()).find(is_it);
        found.and_then(|name| name.parse().ok()).expect("the process runs in the guest")
    }

    /// The end of what a service of it has said.
    pub async fn journal(&self, unit: &str) -> String {
        self.run(&format!("journalctl --no-pager -n 60 -u {unit}")).await.stdout
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        drop(self.process.take());
        // A cgroup can be removed when the last of its processes is gone, which takes a moment.
        let _ = emptied(&self.cgroup);
        remove_cgroup(&self.cgroup);
    }
}

/// Waits until no process is left in a cgroup or below it, of which the kernel tells.
fn emptied(folder: &Path) -> io::Result<()> {
    let events = folder.join("cgroup.events");
    let told = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&told, &events, inotify::WatchFlags::MODIFY)?;
    while fs::read_to_string(&events)?.contains("populated 1") {
        rustix::io::read(&told, &mut [0_u8; 256])?;
    }
    Ok(())
}

fn remove_cgroup(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        remove_cgroup(&entry.path());
    }
    let _ = fs::remove_dir(folder);
}

/// The image, made when it is not there. Several tests that ask at once wait for one.
async fn image() -> PathBuf {
    assert!(rustix::process::geteuid().is_root(), "a guest can only be booted by root: start the tests as root");
    let folder = binary::folder().parent().expect("binaries lie in a target folder").join("guest/image");
    let mut command = Command::new(binary::repository().join("tests/guest/image"));
    command.arg(text(&folder));
    let made = tokio::time::timeout(IMAGE, Outcome::of(command)).await;
    made.expect("the image is made in time").done();
    folder
}

/// Where cgroups of version 2 are mounted, at the place of this process.
fn cgroup_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux has a list of mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = fields.clone().find(|fields| fields.get(2) == Some(&"cgroup2"));
    let mount = mount.expect("cgroups of version 2 are mounted; a guest needs them")[1].to_owned();
    let own = fs::read_to_string("/proc/self/cgroup").expect("Linux has cgroups");
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").trim_start_matches('/').to_owned();
    Path::new(&mount).join(own)
}
