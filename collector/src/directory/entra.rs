//! Microsoft Entra, by Graph with client credentials. It reads users with `User.Read.All`, and writes nothing.
//!
//! Graph does not tell whether an account is locked out or when its password ends: these are unknown here, never fine. An empty
//! filter would bring everybody, so a name is never empty; and what comes is held against what was asked.

#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::{Timestamp, Unknown, Why};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::Method;
use serde_json::Value;

use super::account::{Account, Answer};
use super::{Source, Steps, only};
use crate::config::DirectorySettings;
use crate::desk::http::Http;
use crate::desk::session::{FORM, Session, SignIn, form_of};
use crate::desk::{Trouble, TroubleKind};

/// What is asked for of a user.
const FIELDS: &str = "id,userPrincipalName,mail,accountEnabled,onPremisesSamAccountName";

/// An Entra tenant.
#[derive(Debug)]
pub(super) struct Entra {
    name: String,
    way: Session,
}

/// The client whose secret buys tokens of about an hour.
#[derive(Debug)]
struct Client {
    settings: DirectorySettings,
    folder: PathBuf,
}

impl Entra {
    /// The tenant that `settings` names.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub(super) fn new(settings: &DirectorySettings, folder: &Path) -> Result<Self, String> {
        settings.secret(folder)?;
        let client = Client { settings: settings.clone(), folder: folder.to_owned() };
        Ok(Self { name: settings.name.clone(), way: Session::through(client) })
    }

    async fn find(&self, name: &str, now: Timestamp) -> Result<Account, Trouble> {
        let term = name.replace('\'', "''");
        let mut filter = format!("mail eq '{term}' or userPrincipalName eq '{term}'");
        if !name.contains('@') {
            filter = format!("onPremisesSamAccountName eq '{term}' or mailNickname eq '{term}'");
        }
        // The last two names are told only under eventual consistency, which wants the count.
        let query = [("$filter", filter.as_str()), ("$select", FIELDS), ("$top", "10"), ("$count", "true")];
        let reply = self.way.get("/v1.0/users", &query).await.map_err(told)?;
        let users = reply.body["value"].as_array().ok_or_else(|| Trouble::odd("answered without a list of users"))?;
        let exactly = |user: &Value| text(user, "userPrincipalName").eq_ignore_ascii_case(name);
        let user = only(name, users.clone(), exactly, |user| text(user, "userPrincipalName").to_owned())?;
        Ok(account(&self.name, &user, now))
    }
}

#[async_trait]
impl SignIn for Client {
    async fn sign_in(&self) -> Result<Http, Trouble> {
        let settings = &self.settings;
        let secret = settings.secret(&self.folder).map_err(Trouble::away)?;
        let graph = settings.graph_url();
        let form = form_of(&[
            ("grant_type", "client_credentials"),
            ("client_id", &settings.client_id),
            ("client_secret", &secret),
            ("scope", &format!("{graph}/.default")),
        ]);
        let door = Http::to(settings.sign_in_url(), &settings.ca_file, &self.folder, []).map_err(Trouble::away)?;
        let request = door.request(Method::POST, &format!("/{}/oauth2/v2.0/token", settings.tenant));
        let answered = door.send(request.header(CONTENT_TYPE, FORM).body(form)).await;
        // It answers 400 to a client that it does not know, and 401 to a wrong secret.
        let reply = answered.map_err(|trouble| match trouble.kind {
            TroubleKind::Refused => Trouble { kind: TroubleKind::Unauthorized, ..trouble },
            _ => trouble,
        })?;
        let token = text(&reply.body, "access_token");
        if token.is_empty() {
            return Err(Trouble::odd("signed in without a token"));
        }
        let headers = [(AUTHORIZATION, format!("Bearer {token}")), (CONSISTENCY, "eventual".to_owned())];
        Http::to(graph, &settings.ca_file, &self.folder, headers).map_err(Trouble::away)
    }
}

/// What Graph wants for questions about names that are not indexed at once.
const CONSISTENCY: http::HeaderName = http::HeaderName::from_static("consistencylevel");

#[async_trait]
impl Source for Entra {
    async fn look(&self, name: &str, now: Timestamp) -> Result<Account, Trouble> {
        self.find(name, now).await
    }

    async fn walk(&self, name: Option<&str>, now: Timestamp, steps: &mut Steps) -> Option<()> {
        let one = [("$select", "id"), ("$top", "1")];
        let listed = self.way.get("/v1.0/users", &one).await.map_err(told);
        steps.take("sign in", listed, |_| "the client may read users".to_owned())?;
        let name = name?;
        steps.take("find", self.find(name, now).await, |account| format!("account {}", account.sign_in)).map(drop)
    }
}

/// What a refusal means there.
fn told(trouble: Trouble) -> Trouble {
    match trouble.kind {
        TroubleKind::Forbidden => trouble
            .meaning("the client needs the application permission User.Read.All, with an administrator's consent"),
        _ => trouble,
    }
}

fn account(directory: &str, user: &Value, now: Timestamp) -> Account {
    let untold = |what: &str| Unknown::new(Why::Unsupported, format!("Entra does not tell {what}"));
    let disabled = match user["accountEnabled"].as_bool() {
        Some(enabled) => Answer::Known(!enabled),
        None => Answer::Unknown(Unknown::new(Why::NoPermission, "accountEnabled is not given to the client")),
    };
    let own = text(user, "onPremisesSamAccountName");
    let sign_in = if own.is_empty() { text(user, "userPrincipalName") } else { own };
    Account {
        directory: directory.to_owned(),
        sign_in: sign_in.to_owned(),
        asked_at: now,
        locked: Answer::Unknown(untold("whether an account is locked")),
        locked_at: None,
        disabled,
        account_ends: Answer::Unknown(untold("when an account ends")),
        must_change: Answer::Unknown(untold("whether a password must be changed")),
        password_ends: Answer::Unknown(untold("when a password ends")),
        machines: Vec::new(),
    }
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
