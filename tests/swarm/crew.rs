//! Machines in a process of their own: a process may open only so many files, and one alone is no load for many cores.
//!
//! The parent enrols them, and writes their keys to a file that the child reads and removes. Orders go to the child's input
//! and counts come from its output, a line of JSON each, ten times a second; the last line says what was sent. The parent adds
//! the counts to its own, so that nobody else needs to know where a machine lives.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use firstline_tests::wait;
use firstline_tests::wire::Identity;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::crowd::{Crowd, Muster};
use super::machine::Sent;
use super::plan::CrewPlan;
use super::world::{Difference, Numbered, Order, Stand, World};

/// How often counts are told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// A line from the child.
#[derive(Debug, Serialize, Deserialize)]
enum News {
    Counted(Difference),
    Sent(Vec<Sent>),
}

/// What a machine shows, as the file has it.
#[derive(Debug, Serialize, Deserialize)]
struct Badge {
    endpoint_id: String,
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

/// Machines that live in another process.
pub(super) struct Crew {
    child: Child,
    orders: JoinHandle<()>,
    news: JoinHandle<anyhow::Result<Vec<Sent>>>,
}

impl Crew {
    /// Starts machines numbered from `first`.
    pub(super) fn start(
        muster: &Muster,
        world: &Arc<World>,
        identities: &[Arc<Identity>],
        first: usize,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let file = folder.join(format!("crew-{first}.json"));
        let badge = |one: &Arc<Identity>| Badge {
            endpoint_id: one.endpoint_id.clone(),
            chain: one.chain.clone(),
            key: one.key.clone(),
        };
        std::fs::write(&file, serde_json::to_vec(&identities.iter().map(badge).collect::<Vec<_>>())?)?;
        let servers: Vec<String> = muster.servers.iter().map(ToString::to_string).collect();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("crew").arg(&file).args(["--servers", &servers.join(","), "--first", &first.to_string()]);
        command.args(["--large", &muster.large.to_string(), "--handshakes", &muster.handshakes.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let input = child.stdin.take().context("it has an input")?;
        let output = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        let orders = tokio::spawn(pass_on(Arc::clone(world), input));
        let news = tokio::spawn(take_in(Arc::clone(world), output));
        Ok(Self { child, orders, news })
    }

    /// Its process.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What its machines sent, once they were told to finish.
    pub(super) async fn finish(mut self) -> anyhow::Result<Vec<Sent>> {
        let sent = self.news.await??;
        self.orders.abort();
        self.child.wait().await?;
        Ok(sent)
    }
}

/// Passes every order on. When one follows another at once, the newer counts, as it does for each machine.
async fn pass_on(world: Arc<World>, mut input: ChildStdin) {
    let mut orders = world.orders.subscribe();
    loop {
        let order = *orders.borrow_and_update();
        let line = serde_json::to_string(&order).expect("orders are plain") + "\n";
        if input.write_all(line.as_bytes()).await.is_err() || orders.changed().await.is_err() {
            return;
        }
    }
}

async fn take_in(world: Arc<World>, mut output: Lines<BufReader<ChildStdout>>) -> anyhow::Result<Vec<Sent>> {
    while let Some(line) = output.next_line().await? {
        match serde_json::from_str(&line)? {
            News::Counted(difference) => world.tally.join(difference),
            News::Sent(sent) => return Ok(sent),
        }
    }
    anyhow::bail!("a process of machines ended early")
}

/// The child: lives until it is told to finish.
pub(super) async fn serve(plan: &CrewPlan) -> anyhow::Result<()> {
    let identities = keys(&plan.keys)?;
    let muster = Muster { servers: plan.servers.clone(), large: plan.large, handshakes: plan.handshakes, processes: 0 };
    let crowd = Crowd::here(&muster, &identities, plan.first);
    let mut orders = lines_of_input();
    let (mut stand, mut turns) = (Stand::default(), wait::turns(TELL_EVERY));
    loop {
        tokio::select! {
            line = orders.recv() => {
                let line = line.context("the parent is gone")?;
                let (number, order): Numbered = serde_json::from_str(&line)?;
                if order == Order::Finish {
                    break;
                }
                crowd.world.orders.send_replace((number, order));
            }
            _ = turns.tick() => say(&News::Counted(crowd.world.tally.since(&mut stand)))?,
        }
    }
    let sent = crowd.finish().await?;
    say(&News::Sent(sent))
}

/// Lines of the input as they come, until it ends.
fn lines_of_input() -> mpsc::Receiver<String> {
    let (told, lines) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if told.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn keys(file: &PathBuf) -> anyhow::Result<Vec<Arc<Identity>>> {
    let badges: Vec<Badge> = serde_json::from_slice(&std::fs::read(file)?)?;
    std::fs::remove_file(file)?;
    let identity = |Badge { endpoint_id, chain, key }| Arc::new(Identity { endpoint_id, chain, key });
    Ok(badges.into_iter().map(identity).collect())
}

fn say(news: &News) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all((serde_json::to_string(news)? + "\n").as_bytes())?;
    Ok(output.flush()?)
}
