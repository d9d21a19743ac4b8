//! The least that taking in frames, and keeping their bytes, can cost. Each runs in a process of its own.

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use firstline_collector::authority::{Authority, Place};
use firstline_collector::config::Listen;
use firstline_collector::edge;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::agent_frame::Frame as In;
use firstline_proto::v1::agent_service_server::{AgentService, AgentServiceServer};
use firstline_proto::v1::collector_frame::Frame as Out;
use firstline_proto::v1::{self, AgentFrame, CollectorFrame};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::day::unix_ms;
use super::process::Usage;

/// Answers every frame and keeps nothing.
struct Bare;

#[tonic::async_trait]
impl AgentService for Bare {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<CollectorFrame, Status>> + Send>>;

    async fn connect(&self, request: Request<Streaming<AgentFrame>>) -> Result<Response<Self::ConnectStream>, Status> {
        let answers = request.into_inner().filter_map(|frame| match frame.map(|frame| frame.frame.map(answer)) {
            Ok(Some(Some(reply))) => Some(Ok(CollectorFrame { frame: Some(reply) })),
            Ok(_) => None,
            Err(status) => Some(Err(status)),
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

fn answer(frame: In) -> Option<Out> {
    match frame {
        In::Hello(_) => Some(Out::Welcome(v1::Welcome::default())),
        In::Records(batch) => {
            let stored_sequence = batch.records.last()?.sequence;
            Some(Out::Ack(v1::Ack { stored_sequence, refusals: Vec::new() }))
        }
        In::Beat(_) => Some(Out::BeatReply(v1::BeatReply::default())),
        _ => None,
    }
}

/// Serves until it is killed; prints its port first. The handshake is the collector's own, with its authority.
pub(super) async fn serve(data: &Path) -> anyhow::Result<()> {
    let authority = Arc::new(Authority::open(Place::within(data), &Listen::default(), Timestamp(unix_ms()))?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let stop = CancellationToken::new();
    let sockets = edge::accept("floor", listener, authority.agents_tls(), authority, 256, stop);
    let server = tonic::transport::Server::builder().add_service(AgentServiceServer::new(Bare));
    Ok(server.serve_with_incoming(ReceiverStream::new(sockets)).await?)
}

/// Starts this program again as that server; the child and its port.
pub(super) async fn start(data: &Path) -> anyhow::Result<(Child, u16)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor-stream").arg(data).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
    let port = lines.next_line().await?.context("the bare server ended")?.parse()?;
    Ok((child, port))
}

/// Appends `rows` rows of `bytes` bytes, `batch` in a transaction, and prints what that took in processor seconds.
pub(super) async fn append(file: &Path, rows: u64, bytes: usize, batch: usize) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE rows (id INTEGER PRIMARY KEY, endpoint BIGINT, at BIGINT, row BLOB)")
        .execute(&mut connection)
        .await?;
    let row: Vec<u8> = (0..bytes).map(|index| (index * 31 % 251) as u8).collect();
    let (before, since, mut written) = (Usage::of_this().cpu_seconds, Instant::now(), 0);
    while written < rows {
        let mut transaction = connection.begin().await?;
        let mut left = batch;
        while left > 0 {
            let count = left.min(MANY);
            left -= count;
            insert(&mut transaction, count, written, &row).await?;
            written += count as u64;
        }
        transaction.commit().await?;
    }
    println!("{} {} {written}", Usage::of_this().cpu_seconds - before, since.elapsed().as_secs_f64());
    Ok(())
}

/// Rows of a statement: the way to the database costs more than the row.
const MANY: usize = 64;

/// The statements: full ones and the rest of a batch. One text for each length, so that none is prepared twice.
static INSERTS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
    let text =
        |count: usize| format!("INSERT INTO rows (endpoint, at, row) VALUES {}", vec!["(?, ?, ?)"; count].join(", "));
    (0..=MANY).map(text).collect()
});

async fn insert(connection: &mut SqliteConnection, count: usize, first: u64, row: &[u8]) -> Result<(), sqlx::Error> {
    let mut query = sqlx::query(INSERTS[count].as_str());
    for index in 0..count as u64 {
        let number = i64::try_from(first + index).unwrap_or(i64::MAX);
        query = query.bind(number % 1000).bind(number * 60_000).bind(row);
    }
    query.execute(connection).await.map(drop)
}

/// Runs [`append`] in a process of its own; processor seconds and rows.
pub(super) async fn rows(file: &Path, rows: u64, bytes: usize, batch: usize) -> anyhow::Result<(f64, f64)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor-rows").arg(file).args([rows.to_string(), bytes.to_string(), batch.to_string()]);
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    anyhow::ensure!(numbers.len() == 3, "the bare database failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok((numbers[0], numbers[2]))
}
