//! A small company network on one machine: three hosts in network namespaces of their own, reachable from nowhere.
//!
//! ```text
//! pc (10.77.1.x by DHCP) --- gw (router, DHCP, name server, filter) --- srv (203.0.113.10: collector, proxy, web)
//! ```
//!
//! The collector and the agent are the real ones. Faults are made where they happen in real life: on the cable, at the
//! router, at the name server. Needs root, and the packages that `tests/run` installs.

mod host;
mod names;
mod web;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub use host::Host;
pub use names::Names;

use crate::collector::ADMINISTRATOR;
use crate::{Outcome, Process, binary, wait};
use web::Web;

/// The name under which the pc knows its collector.
pub const COLLECTOR: &str = "collector.corp.test";
/// Where it is.
pub const COLLECTOR_ADDRESS: &str = "203.0.113.10";
/// Two hosts of the world, which are `srv` as well.
const WORLD: [(&str, &str); 2] = [("one.example", "198.51.100.20"), ("two.example", "192.0.2.30")];
/// What the page of the portal test says.
const PAGE: &str = "all is well";
/// How long a host, a server or a command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The network, with an enrolled agent on the pc.
#[derive(Debug)]
pub struct Lab {
    /// The workstation.
    pub pc: Host,
    /// The router.
    pub gw: Host,
    /// Everything else.
    pub srv: Host,
    folder: TempDir,
    names: Option<Process>,
    collector: Option<Process>,
    proxy: Option<Process>,
    web: Vec<Web>,
}

impl Lab {
    /// Sets everything up: all is well.
    pub async fn open() -> Self {
        let mut lab = Self::hosts();
        lab.cables();
        lab.serve_names(Names::Right);
        lab.address().await;
        lab.web.push(Web::page(&lab.srv, PAGE));
        lab.collect().await;
        lab.enroll().await;
        lab
    }

    fn hosts() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let host = |name: &str| Host::new(&format!("fl{}-{number}-{name}", std::process::id()));
        let (pc, gw, srv) = (host("pc"), host("gw"), host("srv"));
        pc.file("resolv.conf", "nameserver 10.77.1.1\nsearch corp.test\n");
        pc.file("environment", "");
        // The proxy looks names up too.
        srv.file("hosts", &format!("127.0.0.1 localhost\n{COLLECTOR_ADDRESS} {COLLECTOR}\n"));
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { pc, gw, srv, folder, names: None, collector: None, proxy: None, web: Vec::new() }
    }

    fn cables(&self) {
        self.pc.cable("eth0", &self.gw, "eth0");
        self.gw.cable("eth1", &self.srv, "eth0");
        self.gw.run("ip addr add 10.77.1.1/24 dev eth0");
        self.gw.run("ip addr add 203.0.113.1/24 dev eth1");
        self.gw.run("echo 1 > /proc/sys/net/ipv4/ip_forward");
        self.srv.run(&format!("ip addr add {COLLECTOR_ADDRESS}/24 dev eth0; ip route add default via 203.0.113.1"));
        for (_, address) in WORLD {
            self.srv.run(&format!("ip addr add {address}/32 dev lo"));
            self.gw.run(&format!("ip route add {address}/32 via {COLLECTOR_ADDRESS}"));
        }
        self.gw.run("nft add table ip lab");
        self.gw.run("nft add chain ip lab forward '{ type filter hook forward priority 0; }'");
        self.gw.run("nft add chain ip lab before '{ type nat hook prerouting priority -100; }'");
        // The kernel's patience with neighbours, a tenth of what it is, so that tests need not have it.
        for (knob, value) in [("base_reachable_time_ms", 1500), ("retrans_time_ms", 200), ("delay_first_probe_time", 1)]
        {
            self.pc.run(&format!("echo {value} > /proc/sys/net/ipv4/neigh/eth0/{knob}"));
        }
    }

    /// Lets the router's name server behave like this from now on.
    pub fn serve_names(&mut self, names: Names) {
        self.names = None;
        let log = self.folder.path().join("names.log");
        let leases = self.folder.path().join("leases");
        self.names = names.command(&self.gw, &leases).map(|command| Process::start("the name server", command, &log));
        if names == Names::Slow {
            self.web.push(names::delay(&self.gw));
            self.gw.run("nft add rule ip lab before iifname eth0 udp dport 53 redirect to :5300");
        }
    }

    /// Gets the pc an address from the router.
    async fn address(&self) {
        let script = self.folder.path().join("dhcp");
        let text = "#!/bin/sh\ncase $1 in bound|renew) ip addr replace \"$ip/24\" dev \"$interface\"\n\
            ip route replace default via \"$router\";; esac\n";
        fs::write(&script, text).expect("the script can be written");
        self.pc.run(&format!("chmod +x {}", script.display()));
        let ask = format!("udhcpc -q -n -t 20 -T 1 -i eth0 -s {}", script.display());
        Outcome::of(self.pc.shell(&ask)).await.done();
    }

    async fn collect(&mut self) {
        let data = self.data();
        let made = self.srv.program("firstline-collector", &["init", "--json", "--data", &data]);
        let password = Outcome::of(made).await.done().json()["password"].as_str().expect("a password").to_owned();
        fs::write(self.folder.path().join("password"), password).expect("the password can be kept");
        fs::write(self.folder.path().join("data/firstline.toml"), configuration()).expect("the configuration");
        self.start_collector().await;
    }

    /// Starts the collector and waits until it is ready.
    pub async fn start_collector(&mut self) {
        let command = self.srv.program("firstline-collector", &["serve", "--data", &self.data()]);
        self.collector = Some(Process::start("the collector", command, &self.folder.path().join("collector.log")));
        wait::for_condition("the collector to be ready", PATIENCE, async || {
            self.srv.is_listening(7443) && self.srv.is_listening(8443)
        })
        .await;
    }

    /// Kills the collector.
    pub fn stop_collector(&mut self) {
        self.collector = None;
    }

    /// Enrols the pc, and lets its agent run until it knows what the collector wants.
    async fn enroll(&self) {
        let authority = format!("{}/authority/root.pem", self.data());
        let password = self.path("password");
        let people = "https://127.0.0.1:8443";
        let sign_in = ["sign-in", "--collector", people, "--ca", &authority, "--user", ADMINISTRATOR];
        self.operator(&[&sign_in[..], &["--password-file", &password]].concat()).await;
        let token =
            self.operator(&["token", "create", "--json"]).await.json()["token"].as_str().expect("a token").to_owned();
        let address = format!("{COLLECTOR}:7443");
        self.agent(&["enroll", "--collector", &address, "--token", &token]).await.done();
        let run = self.pc.program("firstline-agent", &["run", "--state-dir", &self.path("state")]);
        let mut agent = Process::start("the agent", run, &self.folder.path().join("agent.log"));
        let settings = self.folder.path().join("state/settings");
        wait::for_condition("the collector's settings", PATIENCE, async || settings.exists()).await;
        agent.terminate(PATIENCE).await;
    }

    async fn operator(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.srv.program("firstline", arguments);
        command.env("HOME", self.folder.path()).env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        Outcome::of(command).await.done()
    }

    /// Runs a command of the agent on the pc.
    pub async fn agent(&self, arguments: &[&str]) -> Outcome {
        let state = self.path("state");
        Outcome::of(self.pc.program("firstline-agent", &[arguments, &["--state-dir", &state]].concat())).await
    }

    /// What the pc says of itself now, without needing a network.
    pub async fn look(&self) -> Look {
        Look(self.agent(&["snapshot", "--json"]).await.done().json())
    }

    /// Starts a captive portal at the router: every page is another one, everything encrypted is refused.
    pub fn catch(&mut self) {
        self.web.push(Web::portal(&self.gw));
        self.gw.run("nft add rule ip lab before iifname eth0 tcp dport 80 dnat to 10.77.1.1:80");
        self.gw.run("nft add rule ip lab forward tcp dport '{ 443, 7443 }' reject with tcp reset");
    }

    /// Adds a rule about what the router forwards.
    pub fn forward(&self, rule: &str) {
        self.gw.run(&format!("nft add rule ip lab forward {rule}"));
    }

    /// Starts a proxy on `srv` that wants these credentials, and tells the pc to use it with those that it `knows`.
    pub async fn proxy(&mut self, wants: Option<&str>, knows: Option<&str>) {
        let basic = wants.map(|pair| format!("BasicAuth {}\n", pair.replace(':', " "))).unwrap_or_default();
        let file = self.folder.path().join("proxy.conf");
        let text =
            format!("Port 3128\nListen {COLLECTOR_ADDRESS}\nTimeout 30\nAllow 10.77.0.0/16\nConnectPort 7443\n{basic}");
        fs::write(&file, text).expect("the configuration can be written");
        let command = self.srv.shell(&format!("exec tinyproxy -d -c {}", file.display()));
        self.proxy = Some(Process::start("the proxy", command, &self.folder.path().join("proxy.log")));
        wait::for_condition("the proxy to listen", PATIENCE, async || self.srv.is_listening(3128)).await;
        let knows = knows.map(|pair| format!("{pair}@")).unwrap_or_default();
        self.pc.file("environment", &format!("https_proxy=http://{knows}proxy.corp.test:3128/\n"));
    }

    /// Kills the proxy; the pc still believes in it.
    pub fn stop_proxy(&mut self) {
        self.proxy = None;
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("paths of tests are UTF-8").to_owned()
    }
}

fn configuration() -> String {
    let own = format!(
        "[listen]\nagents = \"0.0.0.0:7443\"\npeople = \"127.0.0.1:8443\"\n\
         public_names = [\"{COLLECTOR}\", \"{COLLECTOR_ADDRESS}\"]\n\n[agents]\nfast_period_seconds = 5\n\
         [agents.portal]\nhost = \"{}\"\ntext = \"{PAGE}\"\n",
        WORLD[0].0
    );
    let world = WORLD
        .map(|(name, address)| format!("{}[[agents.dns_names]]\nname = \"{name}\"\n", target(name, name, 80, address)));
    own + &target("collector", COLLECTOR, 7443, COLLECTOR_ADDRESS) + &world.concat()
}

fn target(label: &str, host: &str, port: u16, address: &str) -> String {
    format!(
        "[[agents.probe_targets]]\nlabel = \"{label}\"\nhost = \"{host}\"\nport = {port}\naddresses = [\"{address}\"]\n"
    )
}

/// A snapshot, looked at for its network.
#[derive(Debug)]
pub struct Look(Value);

impl Look {
    /// The first step that fails.
    pub fn first_failing(&self) -> &str {
        self.text("endpoint.network.first_failing_layer", &[])
    }

    /// What is said of each step, in order.
    pub fn layers(&self) -> Vec<(&str, &str)> {
        const ORDER: [&str; 10] =
            ["link", "address", "gateway", "dns", "internet", "portal", "proxy", "tls", "vpn", "service"];
        ORDER.iter().map(|layer| (*layer, self.text("endpoint.network.layer", &[("layer", layer)]))).collect()
    }

    /// A text.
    ///
    /// # Panics
    /// When it is not there.
    pub fn text(&self, signal: &str, attributes: &[(&str, &str)]) -> &str {
        let found = self.value(signal, attributes);
        found.as_str().unwrap_or_else(|| panic!("{signal} {attributes:?} is {found}\n{self}"))
    }

    /// A number.
    ///
    /// # Panics
    /// When it is not there.
    pub fn number(&self, signal: &str, attributes: &[(&str, &str)]) -> f64 {
        let found = self.value(signal, attributes);
        found.as_f64().unwrap_or_else(|| panic!("{signal} {attributes:?} is {found}\n{self}"))
    }

    /// A flag.
    ///
    /// # Panics
    /// When it is not there.
    pub fn flag(&self, signal: &str, attributes: &[(&str, &str)]) -> bool {
        let found = self.value(signal, attributes);
        found.as_bool().unwrap_or_else(|| panic!("{signal} {attributes:?} is {found}\n{self}"))
    }

    fn value(&self, signal: &str, attributes: &[(&str, &str)]) -> &Value {
        let fits = |reading: &&Value| {
            reading["signal"] == signal && attributes.iter().all(|(name, value)| reading["attrs"][name] == **value)
        };
        self.readings().iter().find(fits).map_or(&Value::Null, |reading| &reading["value"])
    }

    fn readings(&self) -> &[Value] {
        self.0["readings"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// Everything about the network, for the messages of failed tests.
impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let about = ["network", "gateway", "dns", "probe", "path", "proxy"];
        let fits = |reading: &&Value| {
            about.iter().any(|part| reading["signal"].as_str().is_some_and(|name| name.contains(part)))
        };
        self.readings().iter().filter(fits).try_for_each(|reading| {
            writeln!(f, "{} {} = {} {}", reading["signal"], reading["attrs"], reading["value"], reading["why"])
        })
    }
}

/// One of the project's binaries, to be run in a namespace.
fn program(name: &str) -> PathBuf {
    binary::path(name)
}

/// Runs `command` to its end; what it says is the message when it fails.
fn must(mut command: Command) {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
