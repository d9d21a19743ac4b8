//! What the collector measures of itself besides what it counts as it goes.

#[cfg_attr(target_os = "linux", path = "measure/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "measure/other.rs")]
mod system;

use ::metrics::{counter, gauge};
use firstline_diagnosis::document::EndpointState;

use super::App;
use crate::doctor;
use crate::fleet::FleetError;
use crate::metrics as names;
use crate::store::{Location, StoreError};

/// What this process takes of the machine.
#[derive(Debug)]
struct Process {
    resident_bytes: u64,
    cpu_seconds: u64,
    files: u64,
    files_max: u64,
}

/// What changes by the second and costs next to nothing. Measured before anything that may fail, so that it is known
/// above all while the database is away.
pub(super) async fn often(app: &App) -> Result<(), FleetError> {
    names::upkeep();
    gauge!(names::STREAMS_MAX).set(app.config.limits.streams as f64);
    gauge!(names::WRITER_WAITING).set(app.store.waiting() as f64);
    gauge!(names::WRITER_FAILING).set(f64::from(u8::from(app.store.is_failing())));
    let (waiting, longest) = app.detect.rebuilds_waiting();
    gauge!(names::REBUILDS_WAITING).set(waiting as f64);
    gauge!(names::DETECTION_LAG).set(longest.as_secs_f64());
    if let Some(process) = system::process() {
        gauge!(names::PROCESS_MEMORY).set(process.resident_bytes as f64);
        counter!(names::PROCESS_CPU).absolute(process.cpu_seconds);
        gauge!(names::PROCESS_FILES).set(process.files as f64);
        gauge!(names::PROCESS_FILES_MAX).set(process.files_max as f64);
    }
    if let Some(free) = doctor::free_bytes(&app.folder) {
        gauge!(names::DISK_FREE_BYTES).set(free as f64);
    }
    let counts = app.fleet.counts().await?;
    for state in EndpointState::ALL {
        let count = counts.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count);
        gauge!(names::ENDPOINTS, "state" => state.name()).set(count as f64);
    }
    Ok(())
}

/// What changes slowly, or takes a look at files.
pub(super) async fn seldom(app: &App) -> Result<(), StoreError> {
    for (certificate, until) in doctor::certificate_ends(&app.folder, &app.config) {
        gauge!(names::CERTIFICATE_ENDS, "certificate" => certificate).set(until.unix_ms() as f64 / 1000.0);
    }
    if let Ok(Location::Sqlite(file)) = app.config.database.location(&app.folder) {
        let log = std::fs::metadata(file.with_extension("sqlite-wal")).map_or(0, |file| file.len());
        gauge!(names::DATABASE_BYTES, "part" => "log").set(log as f64);
    }
    gauge!(names::DATABASE_BYTES, "part" => "data").set(app.store.size_bytes().await? as f64);
    for desk in app.outbox.standing().await.unwrap_or_default() {
        gauge!(names::DELIVERIES, "desk" => desk.name.clone(), "state" => "waiting").set(desk.traffic.waiting as f64);
        gauge!(names::DELIVERIES, "desk" => desk.name, "state" => "failed").set(desk.traffic.failed as f64);
    }
    Ok(())
}
