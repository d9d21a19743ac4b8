//! A diagnosis that was made at the endpoint, without a network, and brought here as a file.

use firstline_diagnosis::document::Snapshot;
use serde_json::Value;

use super::answer::headline;
use super::flight::Flight;
use super::rows;
use super::verify::Refused;
use super::{Pull, PullEndpoint, PullError, PullOrder, PullState, Pulls};
use crate::retest;

/// The largest file that is taken: the largest snapshot, and its diagnosis beside it.
pub const FILE_BYTES_MAX: usize = 12 * 1024 * 1024;

/// A file for a ticket.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The ticket's number.
    pub ticket: String,
    /// What `firstline-agent diagnose --save` or `snapshot --json` wrote.
    pub file: Vec<u8>,
    /// What the person complains of; absent: the ticket's words.
    pub symptom: Option<String>,
    /// Who brought it.
    pub requested_by: String,
}

impl Pulls {
    /// Puts the diagnosis of a file onto a ticket, as if it had been pulled: the snapshot must be signed by the endpoint
    /// that it names, and is diagnosed here once more. The same file on the same ticket again changes nothing.
    ///
    /// # Errors
    /// When there is no such ticket, the file was not made or was changed by somebody else, its endpoint is not known or
    /// revoked, or it is on another ticket.
    pub async fn import(&self, import: Import) -> Result<Pull, PullError> {
        let document = snapshot_of(&import.file).map_err(refused)?;
        let claimed: Snapshot =
            serde_json::from_slice(&document).map_err(|error| refused(Refused::Form(error.to_string())))?;
        let ticket = self.parts().desk.show(&import.ticket).await?;
        let known = self.parts().fleet.known(&claimed.endpoint.id).await.map_err(|_| unknown(&claimed))?;
        if known.revoked {
            return Err(PullError::File(format!("{} is revoked: what it says is not believed", known.endpoint.name)));
        }
        let endpoint = PullEndpoint { id: known.endpoint.id, name: known.endpoint.name };
        let order = PullOrder { symptom: import.symptom, requested_by: import.requested_by, ..PullOrder::default() };
        let mut pull = Box::pin(self.pull(order, endpoint.clone(), Some(ticket.clone()))).await?;
        // First of all: a file that was changed is refused also when the one that it was made of is here.
        let verified = self.diagnosed(&pull, document).await.map_err(refused)?;
        if let Some(before) = rows::of_snapshot(self.parts().store.reads(), &claimed.id).await? {
            return again(before, &ticket.number);
        }
        self.link(&ticket, &endpoint).await?;
        pull.state = PullState::Receiving;
        "Read from a file.".clone_into(&mut pull.why);
        pull.sections.clear();
        pull.snapshot_id = Some(verified.snapshot.id.clone());
        pull.headline = Some(headline(&verified.diagnosis));
        (pull.received_bytes, pull.total_bytes) = (verified.document.len() as u64, verified.document.len() as u64);
        let id = pull.id.clone();
        let (stored, owner, now) = (pull.clone(), self.owner(), self.parts().clock.now());
        let write = self.parts().store.write(move |tx| {
            Box::pin(async move {
                rows::save(tx, &stored, owner.clone()).await?;
                rows::store_result(tx, &stored, owner, &verified, now).await?;
                retest::plan(tx, &stored, &verified.diagnosis, now).await?;
                Ok::<_, PullError>(verified)
            })
        });
        let verified = write.await?;
        self.flights().insert(id.clone(), Flight::new(pull));
        self.write_down(&id, verified).await;
        self.show(&id).await
    }
}

/// What becomes of a file whose snapshot was brought here before.
fn again(before: Pull, ticket: &str) -> Result<Pull, PullError> {
    match &before.ticket {
        Some(number) if number == ticket => Ok(before),
        Some(number) => Err(PullError::File(format!("it is on {number} already"))),
        None => Err(PullError::File("its snapshot was pulled before, without a ticket".to_owned())),
    }
}

/// The snapshot in a file that holds it beside its diagnosis, or that is it.
fn snapshot_of(file: &[u8]) -> Result<Vec<u8>, Refused> {
    let form = |error: serde_json::Error| Refused::Form(error.to_string());
    let mut value: Value = serde_json::from_slice(file).map_err(form)?;
    let snapshot = match value.get_mut("snapshot") {
        Some(snapshot) => snapshot.take(),
        None => value,
    };
    serde_json::to_vec(&snapshot).map_err(form)
}

fn refused(why: Refused) -> PullError {
    let more = match why {
        Refused::Unsigned("it has none") => {
            ": the machine is not enrolled, or the file was saved by somebody who may not read its key (run it as root or as an administrator)"
        }
        _ => "",
    };
    PullError::File(format!("{why}{more}"))
}

fn unknown(claimed: &Snapshot) -> PullError {
    let name = &claimed.endpoint.name;
    if claimed.endpoint.id.is_empty() {
        return PullError::File(format!("it is from {name}, which was not enrolled when it was made"));
    }
    PullError::File(format!("it is from {name} ({}), which this collector does not know", claimed.endpoint.id))
}
