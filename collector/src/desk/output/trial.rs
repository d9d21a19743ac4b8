//! Whether an output is set up well: a test event, sent past the outbox.

use uuid::Uuid;

use super::{Event, Outgoing, What};
use crate::desk::document::Trial;
use crate::desk::outbox::{Outbox, OutboxError};
use crate::desk::trial::Steps;

impl Outbox {
    /// Sends a test event to an output.
    ///
    /// # Errors
    /// When there is no such output.
    pub async fn try_out_output(&self, name: &str) -> Result<Trial, OutboxError> {
        if !self.desks().outputs().iter().any(|one| one.settings.name == name) {
            return Err(OutboxError::NotFound(format!("output {name:?}")));
        }
        let now = self.now();
        let what = What::Test { message: "A test of Firstline, please ignore".to_owned() };
        let test = Outgoing { id: Uuid::now_v7().to_string(), event: Event::new(what, now) };
        let sent = match self.desks().output(name) {
            Ok(output) => output.send(std::slice::from_ref(&test), now).await,
            Err(trouble) => Err(trouble),
        };
        let mut steps = Steps::default();
        steps.take("send", sent, |()| format!("event {} was taken", test.id));
        Ok(Trial { desk: name.to_owned(), passed: steps.passed(), steps: steps.into_list() })
    }
}
