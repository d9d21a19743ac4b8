//! The way to a desk whose credentials buy a session that runs out.
//!
//! The session is opened with the first request, serves all that follow, and is opened anew once when a request is answered
//! with 401: that request was not followed, so it is sent again. When it is refused again, the credentials are to blame. A
//! collector holds one session at each desk, and ends it when it stops ([`Session::close`]): a session may hold a licence. Whether
//! that works harms nothing; what was left behind ends at the desk's own time.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use http::header::ACCEPT;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::debug;

use super::http::{Http, Reply};
use super::trouble::{Trouble, TroubleKind};
use crate::config::DeskSettings;
use crate::ticket::NewFile;

/// How long the end of a session may take.
const SIGN_OUT_WITHIN: Duration = Duration::from_secs(2);

/// Where sessions of a desk are opened.
#[derive(Debug)]
pub(super) struct Door {
    settings: DeskSettings,
    folder: PathBuf,
}

impl Door {
    /// The one that `settings` name.
    pub(super) fn new(settings: &DeskSettings, folder: &Path) -> Self {
        Self { settings: settings.clone(), folder: folder.to_owned() }
    }

    /// The way to the desk where `secrets` stand in each request.
    pub(super) fn with(&self, secrets: impl IntoIterator<Item = (HeaderName, String)>) -> Result<Http, Trouble> {
        Http::new(&self.settings, &self.folder, secrets).map_err(Trouble::away)
    }
}

/// What opens sessions and ends them.
#[async_trait]
pub(crate) trait SignIn: Send + Sync + Debug {
    /// The way to the desk within a new session.
    async fn sign_in(&self) -> Result<Http, Trouble>;

    /// Ends the session of a way, where the desk takes that.
    async fn sign_out(&self, _: &Http) -> Result<(), Trouble> {
        Ok(())
    }
}

/// The way to a desk, within a session where it takes one.
#[derive(Debug)]
pub(crate) struct Session {
    /// Absent where the credentials themselves stand in each request.
    door: Option<Box<dyn SignIn>>,
    open: Mutex<Option<Open>>,
}

/// A session.
#[derive(Debug, Clone)]
struct Open {
    /// Counts sessions, so that one that ran out for several requests is renewed once.
    count: u64,
    way: Arc<Http>,
}

impl Session {
    /// A session that `door` opens.
    pub(crate) fn through(door: impl SignIn + 'static) -> Self {
        Self { door: Some(Box::new(door)), open: Mutex::default() }
    }

    /// A way that takes no session.
    pub(super) fn without(way: Http) -> Self {
        Self { door: None, open: Mutex::new(Some(Open { count: 0, way: Arc::new(way) })) }
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply, Trouble> {
        self.ask(|way| async move { way.get(path, query).await }).await
    }

    /// Reads what is no document.
    pub(super) async fn bytes(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        self.ask(|way| async move {
            let request = way.request(Method::GET, path).header(ACCEPT, "application/octet-stream");
            way.fetch(request).await.map_err(Trouble::clear)
        })
        .await
    }

    /// Writes.
    pub(super) async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Reply, Trouble> {
        self.ask(|way| {
            let method = method.clone();
            async move { way.write(method, path, body).await }
        })
        .await
    }

    /// Writes a form of several parts, which `form` makes.
    pub(super) async fn form(&self, path: &str, form: impl Fn() -> Form) -> Result<Reply, Trouble> {
        self.ask(|way| {
            let form = form();
            async move { way.form(path, form).await }
        })
        .await
    }

    /// Writes a file as it is.
    pub(super) async fn upload(&self, path: &str, query: &[(&str, &str)], file: &NewFile) -> Result<Reply, Trouble> {
        self.ask(|way| async move { way.upload(path, query, file).await }).await
    }

    /// Ends the session that is open; the next request opens another.
    pub(super) async fn close(&self) {
        let Some(door) = &self.door else { return };
        let ended = async {
            match self.open.lock().await.take() {
                Some(open) => door.sign_out(&open.way).await,
                None => Ok(()),
            }
        };
        match tokio::time::timeout(SIGN_OUT_WITHIN, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => debug!(error = %trouble, "A session was left behind: {trouble}"),
            Err(_) => debug!("A session was left behind: the desk did not end it within {SIGN_OUT_WITHIN:?}"),
        }
    }

    async fn ask<T, F>(&self, request: impl Fn(Arc<Http>) -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let open = self.open(None).await?;
        match request(open.way).await {
            Err(trouble) if trouble.kind == TroubleKind::Unauthorized && self.door.is_some() => {
                let renewed = self.open(Some(open.count)).await?;
                request(renewed.way).await
            }
            answered => answered,
        }
    }

    /// The session that is open; a new one when there is none, or it is the one that ran out.
    async fn open(&self, over: Option<u64>) -> Result<Open, Trouble> {
        let mut open = self.open.lock().await;
        match (&*open, &self.door) {
            (Some(there), _) if Some(there.count) != over => Ok(there.clone()),
            (there, Some(door)) => {
                let count = there.as_ref().map_or(0, |there| there.count + 1);
                // Whatever becomes of the sign-in, what was asked for was not done.
                let opened = Open { count, way: Arc::new(door.sign_in().await.map_err(Trouble::clear)?) };
                *open = Some(opened.clone());
                Ok(opened)
            }
            (_, None) => Err(Trouble::new(TroubleKind::Unauthorized, "the credentials are refused")),
        }
    }
}

/// What a form of names and texts is called.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A form of names and texts, as sign-ins take it.
pub(crate) fn form_of(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, text)| format!("{name}={}", crate::access::gate::percent_encoded(text)));
    fields.collect::<Vec<_>>().join("&")
}
