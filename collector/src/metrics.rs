//! What the collector says about itself: names of its metrics, and the text that Prometheus reads.

use std::sync::OnceLock;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Streams of agents that are open.
pub const STREAMS: &str = "firstline_collector_streams";
/// Streams that ended, by reason.
pub const STREAMS_ENDED: &str = "firstline_collector_streams_ended_total";
/// Streams that ended an older one of the same endpoint.
pub const STREAMS_REPLACED: &str = "firstline_collector_streams_replaced_total";
/// Streams that were not opened, by reason.
pub const STREAMS_REFUSED: &str = "firstline_collector_streams_refused_total";
/// Connections that gave their place to a newer one of the same endpoint.
pub const CONNECTIONS_DISPLACED: &str = "firstline_collector_connections_displaced_total";
/// New layouts of endpoints that had told too many, so that they were read more slowly.
pub const LAYOUTS_SLOWED: &str = "firstline_collector_layouts_slowed_total";
/// Frames and pieces of connections after which an endpoint was read more slowly, since it sent more than its share.
pub const SENDERS_SLOWED: &str = "firstline_collector_senders_slowed_total";
/// Values of state that were not stored, since their endpoint has too many series of state.
pub const STATES_OVER: &str = "firstline_collector_states_over_total";
/// Frames that were taken in, by kind.
pub const FRAMES: &str = "firstline_collector_frames_total";
/// Records that were stored.
pub const RECORDS_STORED: &str = "firstline_collector_records_stored_total";
/// Records that came again and were skipped.
pub const RECORDS_DUPLICATE: &str = "firstline_collector_records_duplicate_total";
/// Records that can never be stored.
pub const RECORDS_REFUSED: &str = "firstline_collector_records_refused_total";
/// Readings of signals, or with attributes or types, that the registry does not declare; they are not stored.
pub const READINGS_UNDECLARED: &str = "firstline_collector_readings_undeclared_total";
/// Readings of series with a name that is too long to be kept.
pub const READINGS_OVERSIZE: &str = "firstline_collector_readings_oversize_total";
/// Sequence numbers that endpoints left out.
pub const SEQUENCES_LEFT_OUT: &str = "firstline_collector_sequences_left_out_total";
/// Records that were acknowledged and are not here, since the database was put back to an earlier state.
pub const RECORDS_FORGOTTEN: &str = "firstline_collector_records_forgotten_total";
/// Records that endpoints had to drop.
pub const RECORDS_DROPPED: &str = "firstline_collector_records_dropped_by_endpoints_total";
/// Time from a batch's arrival to its commit.
pub const COMMIT_SECONDS: &str = "firstline_collector_commit_duration_seconds";
/// Transactions that were committed.
pub const TRANSACTIONS: &str = "firstline_collector_transactions_total";
/// Handshakes, by port and outcome.
pub const HANDSHAKES: &str = "firstline_collector_tls_handshakes_total";
/// Connections without a certificate of an endpoint that were closed, by port and reason.
pub const CONNECTIONS_CLOSED: &str = "firstline_collector_connections_closed_total";
/// Enrolments and renewals, by outcome.
pub const ENROLLMENTS: &str = "firstline_collector_enrollments_total";
/// Samples that were sealed.
pub const HISTORY_SEALED_SAMPLES: &str = "firstline_collector_history_sealed_samples_total";
/// Bytes that sealed samples take.
pub const HISTORY_SEALED_BYTES: &str = "firstline_collector_history_sealed_bytes_total";
/// Runs of background tasks, by task and outcome.
pub const TASK_RUNS: &str = "firstline_collector_task_runs_total";
/// Endpoints, by state.
pub const ENDPOINTS: &str = "firstline_collector_endpoints";
/// Streams that there is room for.
pub const STREAMS_MAX: &str = "firstline_collector_streams_max";
/// Records that connected endpoints still have to send.
pub const BACKLOG: &str = "firstline_collector_backlog_records";
/// Jobs that wait for the writer.
pub const WRITER_WAITING: &str = "firstline_collector_writer_waiting";
/// Whether the newest batch could not be committed.
pub const WRITER_FAILING: &str = "firstline_collector_writer_failing";
/// Bytes of the database, and of SQLite's write-ahead log, by part.
pub const DATABASE_BYTES: &str = "firstline_collector_database_bytes";
/// Bytes that are free on the disk of the data folder.
pub const DISK_FREE_BYTES: &str = "firstline_collector_disk_free_bytes";
/// What goes out to other desks and is not there, by desk and state.
pub const DELIVERIES: &str = "firstline_collector_deliveries";
/// Endpoints whose past is to be read before they are judged again.
pub const REBUILDS_WAITING: &str = "firstline_collector_rebuilds_waiting";
/// How long the endpoint has waited that has waited longest to be judged.
pub const DETECTION_LAG: &str = "firstline_collector_detection_lag_seconds";
/// Times that methods of checks were asked about an endpoint's past.
pub const OUTLOOKS: &str = "firstline_collector_outlooks_total";
/// How long it took to ask what was due of an endpoint.
pub const OUTLOOK_SECONDS: &str = "firstline_collector_outlook_duration_seconds";
/// How long runs of background tasks took, by task.
pub const TASK_SECONDS: &str = "firstline_collector_task_duration_seconds";
/// When certificates end, seconds since 1970, by certificate.
pub const CERTIFICATE_ENDS: &str = "firstline_collector_certificate_expires_timestamp_seconds";
/// Today's alerts: those that the quota allows, that were announced, that were rolled up, and messages to users, by kind.
pub const ALERT_QUOTA: &str = "firstline_collector_alert_quota";
/// Findings that hold and of which nobody was told, by reason.
pub const FINDINGS_HELD_BACK: &str = "firstline_collector_findings_held_back";
/// Which version this is: always 1.
pub const BUILD: &str = "firstline_collector_build_info";
/// When this process started, seconds since 1970.
pub const STARTED: &str = "firstline_collector_start_timestamp_seconds";

/// Memory of this process, under the name that every program gives it; so the next ones.
pub const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
/// Time of the processor that this process took.
pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
/// Files that this process has open; each stream is one.
pub const PROCESS_FILES: &str = "process_open_fds";
/// Files that it may have open.
pub const PROCESS_FILES_MAX: &str = "process_max_fds";

/// Collectors that work on the database together, as this one sees them.
pub const REPLICAS: &str = "firstline_collector_replicas";
/// Whether this collector does what only one of them may do.
pub const KEEPER: &str = "firstline_collector_replica_is_keeper";
/// Whether NATS carries messages between replicas.
pub const NATS_CONNECTED: &str = "firstline_collector_nats_connected";
/// Messages between replicas, by what became of them.
pub const MESSAGES: &str = "firstline_collector_replica_messages_total";
/// What was refused since a stream or a pull had moved to another collector, by kind.
pub const MOVED: &str = "firstline_collector_moved_total";

/// The recorder of this process.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts recording. Metrics are the process's, so that a second call changes nothing.
pub fn install() {
    if HANDLE.get().is_some() {
        return;
    }
    // Close together around the time that a batch waits for company, which is where commits lie.
    let seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.06, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0];
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &seconds);
    let Ok(handle) = builder.and_then(PrometheusBuilder::install_recorder) else { return };
    if HANDLE.set(handle).is_ok() {
        describe();
    }
}

/// The metrics as Prometheus reads them.
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Forgets what old measurements are no longer needed for; to be called every few seconds.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

fn describe() {
    describe_gauge!(STREAMS, "Streams of agents that are open");
    describe_counter!(STREAMS_ENDED, "Streams that ended, by reason");
    describe_counter!(STREAMS_REPLACED, "Streams that ended an older one of the same endpoint");
    describe_counter!(STREAMS_REFUSED, "Streams that were not opened, by reason");
    describe_counter!(CONNECTIONS_DISPLACED, "Connections that gave their place to a newer one of the same endpoint");
    describe_counter!(LAYOUTS_SLOWED, "New layouts of endpoints that told too many and were read more slowly");
    describe_counter!(
        SENDERS_SLOWED,
        "Times that an endpoint sent more than its share and was read more slowly, by what of"
    );
    describe_counter!(STATES_OVER, "Values of state that were not stored, since their endpoint has too many of them");
    describe_counter!(FRAMES, "Frames that were taken in, by kind");
    describe_counter!(RECORDS_STORED, "Records that were stored");
    describe_counter!(RECORDS_DUPLICATE, "Records that came again and were skipped");
    describe_counter!(RECORDS_REFUSED, "Records that can never be stored");
    describe_counter!(READINGS_UNDECLARED, "Readings that the registry does not declare; they are not stored");
    describe_counter!(READINGS_OVERSIZE, "Readings of series with a name that is too long to be kept");
    describe_counter!(SEQUENCES_LEFT_OUT, "Sequence numbers that endpoints left out without a word");
    describe_counter!(
        RECORDS_FORGOTTEN,
        "Records that were acknowledged before the database was put back, and are not here"
    );
    describe_counter!(RECORDS_DROPPED, "Records that endpoints had to drop");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "Time from a batch's arrival to its commit");
    describe_counter!(TRANSACTIONS, "Transactions that were committed");
    describe_counter!(HANDSHAKES, "TLS handshakes, by port and outcome");
    describe_counter!(
        CONNECTIONS_CLOSED,
        "Connections without a certificate of an endpoint that were closed, by port and reason"
    );
    describe_counter!(ENROLLMENTS, "Enrolments and renewals, by outcome");
    describe_counter!(HISTORY_SEALED_SAMPLES, "Samples that were sealed into columns");
    describe_counter!(HISTORY_SEALED_BYTES, Unit::Bytes, "Bytes that sealed samples take");
    describe_counter!(TASK_RUNS, "Runs of background tasks, by task and outcome");
    describe_gauge!(ENDPOINTS, "Endpoints, by state");
    describe_gauge!(REPLICAS, "Collectors that work on the database together, as this one sees them");
    describe_gauge!(KEEPER, "Whether this collector does what only one of several may do");
    describe_gauge!(NATS_CONNECTED, "Whether NATS carries messages between replicas");
    describe_counter!(MESSAGES, "Messages between replicas, by what became of them");
    describe_counter!(MOVED, "What was refused since a stream or a pull had moved to another collector, by kind");
    describe_gauge!(STREAMS_MAX, "Streams that there is room for");
    describe_gauge!(BACKLOG, "Records that connected endpoints still have to send");
    describe_gauge!(WRITER_WAITING, "Jobs that wait for the writer");
    describe_gauge!(WRITER_FAILING, "1 while the newest batch could not be committed");
    describe_gauge!(DATABASE_BYTES, Unit::Bytes, "Bytes of the database (data), and of SQLite's write-ahead log (log)");
    describe_gauge!(DELIVERIES, Unit::Count, "What goes out to other desks and is not there, by desk and state");
    describe_gauge!(DISK_FREE_BYTES, Unit::Bytes, "Bytes that are free on the disk of the data folder");
    describe_gauge!(REBUILDS_WAITING, "Endpoints whose past is to be read before they are judged again");
    describe_gauge!(
        DETECTION_LAG,
        Unit::Seconds,
        "How long the endpoint has waited that has waited longest to be judged"
    );
    describe_counter!(OUTLOOKS, "Times that methods of checks were asked about an endpoint's past");
    describe_histogram!(OUTLOOK_SECONDS, Unit::Seconds, "How long it took to ask what was due of an endpoint");
    describe_histogram!(TASK_SECONDS, Unit::Seconds, "How long runs of background tasks took, by task");
    describe_gauge!(CERTIFICATE_ENDS, Unit::Seconds, "When certificates end, seconds since 1970");
    describe_gauge!(
        ALERT_QUOTA,
        "Alerts of this day (UTC) that the quota allows, that were announced or rolled up, and messages to users, by kind"
    );
    describe_gauge!(FINDINGS_HELD_BACK, "Findings that hold and of which nobody was told, by reason");
    describe_gauge!(PROCESS_MEMORY, Unit::Bytes, "Resident memory of this process");
    describe_counter!(PROCESS_CPU, Unit::Seconds, "Time of the processor that this process took, whole seconds");
    describe_gauge!(PROCESS_FILES, "Files that this process has open; each stream is one");
    describe_gauge!(PROCESS_FILES_MAX, "Files that this process may have open");
    describe_gauge!(BUILD, "Which version this is: always 1");
    describe_gauge!(STARTED, Unit::Seconds, "When this process started, seconds since 1970");
    begin();
}

/// Makes what has no labels known from the start: a counter that appears with its first event hides that event.
fn begin() {
    let counters = [
        STREAMS_REPLACED,
        CONNECTIONS_DISPLACED,
        LAYOUTS_SLOWED,
        STATES_OVER,
        RECORDS_STORED,
        RECORDS_DUPLICATE,
        RECORDS_REFUSED,
        READINGS_UNDECLARED,
        READINGS_OVERSIZE,
        SEQUENCES_LEFT_OUT,
        RECORDS_FORGOTTEN,
        RECORDS_DROPPED,
        TRANSACTIONS,
    ];
    for name in counters {
        counter!(name).increment(0);
    }
    for reason in ["records", "bytes"] {
        counter!(SENDERS_SLOWED, "reason" => reason).increment(0);
    }
    gauge!(STREAMS).increment(0.0);
    gauge!(BACKLOG).increment(0.0);
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(STARTED).set(jiff::Timestamp::now().as_second() as f64);
}
