//! What others install for comparable work, where it is installed: asked, or writing, every fifteen seconds.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firstline_tests::Process;
use firstline_tests::port;
use firstline_tests::wait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// As often as the agent reads.
const PERIOD: Duration = Duration::from_secs(15);

/// A running program of somebody else, and who asks it.
pub(super) struct Other {
    pub(super) name: &'static str,
    process: Process,
    /// Asks it, or takes what it sends.
    peer: Option<JoinHandle<()>>,
    sent: Arc<AtomicU64>,
}

impl Other {
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// A program that is not there takes nothing, which would look like a figure.
    ///
    /// # Panics
    /// When it has ended.
    pub(super) fn must_run(&mut self) {
        assert!(self.process.is_running(), "{} has ended", self.name);
    }

    /// Bytes that it sent, where somebody takes them.
    pub(super) fn sent(&self) -> Option<Arc<AtomicU64>> {
        self.peer.is_some().then(|| Arc::clone(&self.sent))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Some leave their children behind when they are killed.
        if let Some(group) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::KILL).ok();
        }
        if let Some(peer) = &self.peer {
            peer.abort();
        }
    }
}

/// Starts those that are installed.
pub(super) fn start(folder: &Path) -> Vec<Other> {
    fs::create_dir_all(folder).expect("a folder can be made");
    let all = [node_exporter(folder), collectd(folder), zabbix(folder), netdata(folder)];
    let others: Vec<Other> = all.into_iter().flatten().collect();
    let names: Vec<_> = others.iter().map(|other| other.name).collect();
    eprintln!("beside it: {}", if names.is_empty() { "nobody else is installed".to_owned() } else { names.join(", ") });
    others
}

fn find(program: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(program))
        .find(|path| path.exists())
}

/// Starts a program in a process group of its own, with which it ends.
fn start_group(name: &str, mut command: Command, log: &Path) -> Process {
    command.process_group(0);
    Process::start(name, command, log)
}

fn node_exporter(folder: &Path) -> Option<Other> {
    let port = port::free();
    let mut command = Command::new(find("prometheus-node-exporter")?);
    command.arg("--collector.processes").arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let process = start_group("node_exporter", command, &folder.join("node_exporter.log"));
    let sent = Arc::default();
    let peer = tokio::spawn(ask(port, vec![get("/metrics")], Arc::clone(&sent)));
    Some(Other { name: "node_exporter with processes", process, peer: Some(peer), sent })
}

fn collectd(folder: &Path) -> Option<Other> {
    let program = find("collectd")?;
    let dir = folder.display();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = socket.local_addr().expect("a bound socket has an address").port();
    let sent = Arc::default();
    let peer = tokio::spawn(take(socket, Arc::clone(&sent)));
    let plugins = ["cpu", "memory", "df", "disk", "interface", "load", "processes", "swap", "uptime", "vmem"];
    let plugins = plugins.map(|plugin| format!("LoadPlugin {plugin}\n")).concat();
    let configuration = format!(
        "BaseDir \"{dir}\"\nPIDFile \"{dir}/collectd.pid\"\nInterval 15\n{plugins}LoadPlugin csv\n\
         <Plugin csv>\nDataDir \"{dir}/csv\"\n</Plugin>\n\
         LoadPlugin network\n<Plugin network>\nServer \"127.0.0.1\" \"{port}\"\n</Plugin>\n"
    );
    let file = folder.join("collectd.conf");
    fs::write(&file, configuration).expect("the configuration can be written");
    let mut command = Command::new(program);
    command.arg("-f").arg("-C").arg(&file);
    let process = start_group("collectd", command, &folder.join("collectd.log"));
    Some(Other { name: "collectd, csv and network", process, peer: Some(peer), sent })
}

/// Passive checks, as a server asks them. It takes no port above 32767.
fn zabbix(folder: &Path) -> Option<Other> {
    let program = find("zabbix_agentd")?;
    let port = port::free();
    let dir = folder.display();
    let configuration = format!(
        "PidFile={dir}/zabbix.pid\nLogFile={dir}/zabbix.log\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort={port}\n\
         StartAgents=1\nAllowRoot=1\n"
    );
    let file = folder.join("zabbix.conf");
    fs::write(&file, configuration).expect("the configuration can be written");
    let mut command = Command::new(program);
    command.arg("-f").arg("-c").arg(&file);
    let process = start_group("zabbix_agentd", command, &folder.join("zabbix.out"));
    let keys = [
        "system.cpu.util",
        "system.cpu.load",
        "vm.memory.size[available]",
        "system.swap.size",
        "vfs.fs.size[/,pfree]",
        "vfs.fs.inode[/,pfree]",
        "vfs.dev.read",
        "vfs.dev.write",
        "net.if.in[lo]",
        "net.if.out[lo]",
        "proc.num",
        "proc.mem",
        "proc.cpu.util",
        "system.uptime",
    ];
    let question = |key: &&str| [b"ZBXD\x01".as_slice(), &(key.len() as u64).to_le_bytes(), key.as_bytes()].concat();
    let sent = Arc::default();
    let peer = tokio::spawn(ask(port, keys.iter().map(question).collect(), Arc::clone(&sent)));
    Some(Other { name: "zabbix_agentd, 14 items", process, peer: Some(peer), sent })
}

fn netdata(folder: &Path) -> Option<Other> {
    let program = find("netdata")?;
    let dir = folder.display();
    let port = port::free();
    let configuration = format!(
        "[global]\nrun as user = root\nhistory = 3600\nupdate every = 15\nmemory mode = ram\ncache directory = {dir}\n\
         lib directory = {dir}\nlog directory = {dir}\n[web]\nbind to = 127.0.0.1:{port}\n[registry]\nenabled = no\n"
    );
    let file = folder.join("netdata.conf");
    fs::write(&file, configuration).expect("the configuration can be written");
    let mut command = Command::new(program);
    command.arg("-D").arg("-c").arg(&file);
    let process = start_group("netdata", command, &folder.join("netdata.out"));
    let sent = Arc::default();
    let peer = tokio::spawn(ask(port, vec![get("/api/v1/allmetrics?format=prometheus")], Arc::clone(&sent)));
    Some(Other { name: "netdata every 15 s", process, peer: Some(peer), sent })
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

/// Asks every question on a connection of its own, every fifteen seconds.
async fn ask(port: u16, questions: Vec<Vec<u8>>, sent: Arc<AtomicU64>) {
    let mut beat = wait::turns(PERIOD);
    loop {
        beat.tick().await;
        for question in &questions {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
            let mut answer = Vec::new();
            if stream.write_all(question).await.is_ok() {
                let _ = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await;
                sent.fetch_add(answer.len() as u64, Ordering::Relaxed);
            }
        }
    }
}

/// Takes packets, and only counts them.
async fn take(socket: std::net::UdpSocket, sent: Arc<AtomicU64>) {
    socket.set_nonblocking(true).expect("a socket can wait");
    let socket = UdpSocket::from_std(socket).expect("the runtime takes sockets");
    let mut packet = vec![0; 64 * 1024];
    while let Ok(bytes) = socket.recv(&mut packet).await {
        sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
