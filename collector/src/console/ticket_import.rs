//! A file that was saved at the endpoint, from the ticket's page.

use std::sync::Arc;

use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::response::Response;

use super::ticket::answered;
use crate::access::gate::Caller;
use crate::api::problem::{Fault, Problem};
use crate::api::tickets::import_as;
use crate::app::App;
use crate::pull::{FILE_BYTES_MAX, Import};

/// What a form adds around the file.
const FORM_BYTES: usize = 16 * 1024;

/// How much the page takes: more than others do.
pub(super) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(FILE_BYTES_MAX + FORM_BYTES)
}

/// `POST /tickets/{ticket}/import`.
pub(super) async fn take(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    form: Multipart,
) -> Result<Response, Fault> {
    let done = import(&app, &caller, &number, form).await;
    answered(&app, &caller, &number, "pull", done).await
}

async fn import(app: &App, caller: &Caller, number: &str, mut form: Multipart) -> Result<(), Problem> {
    let refuse = |error: MultipartError| Problem::invalid(error.body_text());
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(refuse)? {
        if field.name() == Some("file") {
            file = Some(field.bytes().await.map_err(refuse)?);
        }
    }
    let file = file.filter(|file| !file.is_empty()).ok_or_else(|| {
        Problem::invalid("Choose the file that `firstline-agent diagnose --save FILE` wrote on the computer.")
    })?;
    let import = Import { ticket: number.to_owned(), file: file.into(), ..Import::default() };
    import_as(app, caller, import).await?;
    Ok(())
}
