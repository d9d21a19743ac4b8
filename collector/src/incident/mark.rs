//! What a diagnosis of one endpoint must say of the others.

use firstline_diagnosis::document::{Diagnosis, Role};
use firstline_diagnosis::vocabulary::Priority;

use super::Incidents;
use crate::alert::AlertError;
use crate::store::{StoreError, sql};

const OTHERS: &str = "SELECT COUNT(DISTINCT endpoint_id) FROM findings
    WHERE check_id = $1 AND endpoint_id <> $2 AND state IN ('active', 'recovering')";

impl Incidents {
    /// Says in the diagnosis of an endpoint (by id) which of its findings are one of an incident, and how many others have
    /// its primary one. Findings of an incident get its impact.
    ///
    /// # Errors
    /// When the store cannot be read; the diagnosis is as it was then.
    pub async fn mark(&self, diagnosis: &mut Diagnosis, endpoint_id: &str) -> Result<(), AlertError> {
        if diagnosis.findings.is_empty() {
            return Ok(());
        }
        let mut notes = Vec::new();
        let incidents = self.of_endpoint(endpoint_id).await?;
        let primary = diagnosis.findings.iter().find(|finding| finding.role == Role::Primary);
        if let Some(primary) = primary.filter(|primary| incidents.iter().all(|incident| incident.check != primary.id)) {
            match self.others(&primary.id, endpoint_id).await? {
                0 => {}
                1 => notes.push("The same is found on one other endpoint now.".to_owned()),
                others => notes.push(format!("The same is found on {others} other endpoints now.")),
            }
        }
        for incident in incidents {
            for finding in diagnosis.findings.iter_mut().filter(|finding| finding.id == incident.check) {
                finding.impact = finding.impact.min(incident.impact);
                finding.priority = Priority::of(finding.impact, finding.urgency);
            }
            notes.push(format!("It is one of an incident: {} Do not repair it here alone.", incident.words));
        }
        diagnosis.notes.splice(0..0, notes);
        Ok(())
    }

    /// How many other endpoints have a finding now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn others(&self, check: &str, endpoint_id: &str) -> Result<i64, StoreError> {
        Ok(sql::query_scalar(OTHERS).bind(check).bind(endpoint_id).fetch_one(self.store.reads()).await?)
    }
}
