use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::detector::{Detector, Host};
use crate::document::{Diagnosis, Snapshot};

/// Diagnoses a snapshot: its series, marks and events go through the same detector as live data, on a virtual clock.
/// The same snapshot and the same catalogue give the same bytes.
pub fn diagnose(catalogue: &Arc<Catalogue>, snapshot: &Snapshot, symptom: Option<&str>) -> Diagnosis {
    let host = Host { os_type: snapshot.endpoint.os.os_type.clone() };
    Detector::new(Arc::clone(catalogue), host).diagnose(symptom, snapshot.taken_at)
}
