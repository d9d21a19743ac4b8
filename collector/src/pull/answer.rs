//! From a whole document to a note on the ticket.

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::Diagnosis;
use firstline_diagnosis::vocabulary::Value;
use firstline_diagnosis::{Foresight, Question, diagnose_with};
use tracing::{info, warn};

use super::rows::{self, Verified};
use super::verify::{Refused, verify};
use super::{Headline, Pull, PullError, PullState, Pulls};
use crate::alert::AlertEndpoint;
use crate::desk::output::{DiagnosisEvent, EventFinding, EventTicket};
use crate::detect::foresight_of;
use crate::directory::Asked;
use crate::outage::causes;
use crate::retest;
use crate::ticket::answer::{self, Facts};
use crate::ticket::diagnosed::NewDiagnosis;
use crate::ticket::rich_text::{Block, RichText};
use crate::ticket::{AUTHOR, DeskError, NewFile, NewNote, Ticket, Visibility};

/// The state that names a machine's model.
const MODEL: &str = "device.model.identifier";

impl Pulls {
    /// Verifies, stores and writes down a document, in a task of its own.
    pub(super) fn answer(&self, pull: Pull, document: Vec<u8>) {
        let pulls = self.clone();
        self.shared.tasks.spawn(async move {
            if let Err(error) = pulls.take(&pull, document).await {
                let cause = causes(&error);
                warn!(pull.id = %pull.id, error = %cause, "The answer to pull {} could not be stored: {cause}", pull.id);
                let why = format!("Asked again: {error}.");
                // When the store fails here too, the next tick asks again.
                let _ = pulls.change(&pull.id, |flight| flight.wait_after_failure(&why)).await;
            }
        });
    }

    async fn take(&self, pull: &Pull, document: Vec<u8>) -> Result<(), PullError> {
        let verified = match self.diagnosed(pull, document).await {
            Ok(verified) => verified,
            Err(refused) => {
                warn!(pull.id = %pull.id, host.id = %pull.endpoint.id, "The answer to pull {} is refused: {refused}", pull.id);
                return self.fail(&pull.id, &format!("The answer is refused: {refused}.")).await;
            }
        };
        let mut verified = verified;
        let Verified { snapshot, diagnosis, .. } = &mut verified;
        if let Err(error) = self.parts().changes.add_fleet(diagnosis, &pull.endpoint.id, snapshot).await {
            warn!(pull.id = %pull.id, error = %error, "The diagnosis of pull {} is without what the fleet knows", pull.id);
        }
        let (now, owner) = (self.parts().clock.now(), self.owner());
        let stored = self.with(&pull.id, |flight| {
            flight.pull.snapshot_id = Some(verified.snapshot.id.clone());
            flight.pull.headline = Some(headline(&verified.diagnosis));
            flight.pull.clone()
        });
        // Nothing is stored for a pull that was given up in the meantime.
        let Some(stored) = stored else { return Ok(()) };
        let verified = self
            .parts()
            .store
            .write(move |tx| {
                Box::pin(async move {
                    rows::store_result(tx, &stored, owner, &verified, now).await?;
                    retest::plan(tx, &stored, &verified.diagnosis, now).await?;
                    Ok::<_, PullError>(verified)
                })
            })
            .await?;
        self.write_down(&pull.id, verified).await;
        Ok(())
    }

    /// The snapshot with what it says; both cost processor time, which other tasks need not wait for.
    pub(super) async fn diagnosed(&self, pull: &Pull, document: Vec<u8>) -> Result<Verified, Refused> {
        let catalogue = self.catalogue(&pull.endpoint.id).await;
        let authority = std::sync::Arc::clone(&self.parts().authority);
        let (endpoint, symptom, around) = (pull.endpoint.id.clone(), pull.symptom.clone(), pull.around.clone());
        let before = self.before(pull).await;
        // A diagnosis without what is known of the longer past is better than none.
        let foresight = foresight_of(self.parts().store.reads(), &endpoint).await.unwrap_or_else(|error| {
            warn!(pull.id = %pull.id, error = %error, "Pull {} is diagnosed without the endpoint's longer past", pull.id);
            Foresight::default()
        });
        let asked = self.directories_say(pull).await;
        let raised = self.raised_then(pull).await;
        let work = move || {
            let snapshot = verify(&authority, &endpoint, &document)?;
            let account = asked.iter().flat_map(|asked| asked.readings(snapshot.taken_at)).collect();
            let foresight = Foresight { account, raised, ..foresight };
            let question = Question { symptom: symptom.as_deref(), around: around.as_ref(), before: before.as_ref() };
            let mut diagnosis = diagnose_with(&catalogue, &snapshot, &question, &foresight);
            diagnosis.notes.extend(asked.iter().map(Asked::note));
            Ok(Verified { snapshot, document, diagnosis })
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err(Refused::Form("it could not be diagnosed".to_owned())))
    }

    /// What a directory says of the person whose ticket it is.
    async fn directories_say(&self, pull: &Pull) -> Option<Asked> {
        let asked = self.parts().desk.ask_directories(pull.ticket.as_deref()?).await;
        let told = |error: &DeskError| warn!(pull.id = %pull.id, error = %error, "Pull {} is diagnosed without the requester's account", pull.id);
        asked.inspect_err(told).ok()?
    }

    /// The last answer of the same endpoint on the same ticket, to hold the new one against.
    async fn before(&self, pull: &Pull) -> Option<Diagnosis> {
        let pulls = self.of_ticket(pull.ticket.as_deref()?).await;
        let pulls = pulls.inspect_err(|error| warn!(error = %error, "The earlier answers cannot be read")).ok()?;
        let done = pulls.into_iter().filter(|other| {
            other.id != pull.id && other.endpoint.id == pull.endpoint.id && other.state == PullState::Done
        });
        let newest = done.max_by_key(|other| other.finished_at)?;
        Some(self.result(&newest.id).await.ok()??.diagnosis)
    }

    /// What is in force for an endpoint; what is common when it cannot be read.
    pub(crate) async fn catalogue(&self, endpoint_id: &str) -> std::sync::Arc<Catalogue> {
        let tags = self.parts().fleet.known(endpoint_id).await.map(|known| known.endpoint.tags).unwrap_or_default();
        self.parts().catalogues.for_tags(&tags)
    }

    /// Writes the note, when there is a ticket, and ends the pull.
    pub(super) async fn write_down(&self, id: &str, verified: Verified) {
        let Some(pull) = self.with(id, |flight| flight.pull.clone()) else { return };
        let noted = match &pull.ticket {
            Some(number) => self.note(&pull, number, verified).await,
            None => Ok(()),
        };
        let (now, number) = (self.parts().clock.now(), pull.ticket.clone().unwrap_or_default());
        if let Err(error @ DeskError::Store(_)) = &noted
            && now < pull.expires_at
        {
            return self.leave(id, error);
        }
        let why = match &noted {
            Ok(()) if pull.ticket.is_some() => format!("The diagnosis is on {number}."),
            Ok(()) => "The diagnosis is here.".to_owned(),
            Err(error) => format!("The diagnosis is here, but could not be written onto {number}: {error}."),
        };
        let ended = self.change(id, |flight| flight.end(PullState::Done, &why, now)).await;
        match ended {
            Ok(()) => info!(pull.id = %id, "Pull {id} is done"),
            Err(error) => self.leave(id, &error),
        }
    }

    /// The store failed: the next tick goes on.
    fn leave(&self, id: &str, error: &(dyn std::error::Error + 'static)) {
        let cause = causes(error);
        warn!(pull.id = %id, error = %cause, "The answer to pull {id} is stored; what follows is tried again: {cause}");
        self.with(id, |flight| {
            flight.is_left = true;
            "The diagnosis is here. What remains to be written is written as soon as the database takes it."
                .clone_into(&mut flight.pull.why);
        });
    }

    async fn note(&self, pull: &Pull, number: &str, verified: Verified) -> Result<(), DeskError> {
        let ticket = self.parts().desk.show(number).await?;
        let catalogue = self.catalogue(&pull.endpoint.id).await;
        let facts = Facts {
            catalogue: &catalogue,
            snapshot: &verified.snapshot,
            diagnosis: &verified.diagnosis,
            ticket: Some(&ticket),
            requested_by: &pull.requested_by,
        };
        let report = answer::report(&facts);
        let body = answer::note(&facts);
        let site = self.parts().fleet.known(&pull.endpoint.id).await.ok();
        let site = site.and_then(|mut known| known.endpoint.tags.remove("site")).unwrap_or_default();
        let diagnosis = new_diagnosis(&facts, &ticket, pull, site);
        let file = |name: &str, media_type: &str, bytes| NewFile {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            bytes,
        };
        let files = vec![
            file("diagnosis.html", "text/html", report.into_bytes()),
            file("snapshot.json", "application/json", verified.document),
        ];
        let note = private(body, files);
        self.parts().desk.note_of_pull(number, &pull.id, note, Some(diagnosis)).await.map(drop)
    }

    /// Says on the ticket that no diagnosis will come. The pull ends in any case.
    pub(super) async fn note_failure(&self, pull: &Pull, why: &str) {
        let Some(number) = &pull.ticket else { return };
        let name = &pull.endpoint.name;
        let text = format!("No diagnosis could be pulled from {name}. {why}");
        let body = RichText(vec![Block::paragraph(text)]);
        if let Err(error) = self.parts().desk.note_of_pull(number, &pull.id, private(body, Vec::new()), None).await {
            warn!(pull.id = %pull.id, error = %error, "The end of pull {} could not be noted", pull.id);
        }
    }
}

/// What reports and outputs are told of a diagnosis.
fn new_diagnosis(facts: &Facts<'_>, ticket: &Ticket, pull: &Pull, site: String) -> NewDiagnosis {
    let Facts { snapshot, diagnosis, .. } = facts;
    let model = snapshot.readings.iter().find(|reading| reading.signal == MODEL);
    let model = model.and_then(|reading| match &reading.value {
        Some(Value::Text(model)) => Some(model.clone()),
        _ => None,
    });
    NewDiagnosis {
        check: answer::primary(diagnosis).map(|finding| finding.id.clone()).unwrap_or_default(),
        model: model.unwrap_or_default(),
        site,
        build: snapshot.endpoint.os.build_id.clone(),
        event: DiagnosisEvent {
            ticket: EventTicket::from(ticket),
            endpoint: AlertEndpoint { id: pull.endpoint.id.clone(), name: pull.endpoint.name.clone() },
            snapshot: snapshot.id.clone(),
            taken_at: snapshot.taken_at,
            summary: answer::sentence(diagnosis),
            findings: EventFinding::all(diagnosis),
        },
    }
}

fn private(body: RichText, files: Vec<NewFile>) -> NewNote {
    NewNote { author: AUTHOR.to_owned(), visibility: Visibility::Private, body, files, key: String::new() }
}

pub(super) fn headline(diagnosis: &Diagnosis) -> Headline {
    let primary = answer::primary(diagnosis);
    Headline { severity: primary.map(|finding| finding.severity), text: answer::sentence(diagnosis) }
}
