use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use reqwest::Method;
use serde_json::json;

use super::command::SignIn;
use super::connection::Connection;
use super::failure::Failure;
use super::kept::Kept;
use super::trust::{self, Trust};
use super::{Out, progress};
use crate::access::SignedIn;

/// Signs in and keeps the session.
pub(super) async fn sign_in(order: SignIn, out: Out) -> Result<(), Failure> {
    let before = Kept::read()?;
    let collector = address(&order, before.as_ref())?;
    let trust = trust_for(&order, &collector, before.as_ref()).await?;
    let name = match order.user.or_else(|| before.filter(|_| order.collector.is_none()).map(|kept| kept.name)) {
        Some(name) => name,
        None => asked("Name: ")?,
    };
    let password = password(order.password_file.as_deref(), &name)?;
    let connection = Connection::new(&collector, &trust, "")?;
    let signed_in: SignedIn = connection.post("/sign-in", &json!({ "name": name, "password": password })).await?;
    let kept = Kept { collector: collector.clone(), trust, name, token: signed_in.token };
    kept.write()?;
    let principal = signed_in.principal;
    out.print(&principal, || {
        format!("Signed in to {collector} as {} ({}), until {}.", principal.name, principal.role, principal.expires_at)
    })
}

/// Ends the session, and forgets it.
pub(super) async fn sign_out(connection: &Connection, out: Out) -> Result<(), Failure> {
    connection.tell(Method::POST, "/sign-out").await?;
    if let Some(kept) = Kept::read()? {
        Kept { token: String::new(), ..kept }.write()?;
    }
    out.print(&json!({ "signed_out": true }), || "Signed out.".to_owned())
}

fn address(order: &SignIn, before: Option<&Kept>) -> Result<String, Failure> {
    let named = order.collector.clone().or_else(|| before.map(|kept| kept.collector.clone()));
    let named = named.ok_or_else(|| Failure::usage("say where the collector is: --collector https://HOST:8443"))?;
    let named = if named.contains("://") { named } else { format!("https://{named}") };
    let address =
        reqwest::Url::parse(&named).map_err(|error| Failure::usage(format!("{named:?} is no address: {error}")))?;
    if address.scheme() != "https" || address.host_str().is_none() {
        return Err(Failure::usage(format!("{named:?} is not an https address; write it like https://HOST:8443")));
    }
    Ok(address.origin().ascii_serialization())
}

/// Whom to believe: what was named, what was believed before, or what is seen now and confirmed.
async fn trust_for(order: &SignIn, collector: &str, before: Option<&Kept>) -> Result<Trust, Failure> {
    if let Some(file) = &order.ca {
        let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
        return std::fs::read_to_string(file).map(Trust::Authorities).map_err(unreadable);
    }
    if let Some(fingerprint) = &order.fingerprint {
        return trust::tidy(fingerprint).map(Trust::Fingerprint);
    }
    if let Some(kept) = before.filter(|kept| kept.collector == collector) {
        return Ok(kept.trust.clone());
    }
    let address = reqwest::Url::parse(collector).map_err(|error| Failure::usage(error.to_string()))?;
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let seen = trust::seen(&host, address.port_or_known_default().unwrap_or(443)).await?;
    progress(&format!(
        "This is the first sign-in to {collector}. It shows a certificate with the SHA-256 fingerprint\n  {seen}"
    ));
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "compare the fingerprint with the collector's and pass --fingerprint {seen}, or pass --ca FILE"
        )));
    }
    let answer = asked("Is it the collector's? Type yes to trust it: ")?;
    if answer.trim() == "yes" {
        Ok(Trust::Fingerprint(seen))
    } else {
        Err(Failure::failed("not trusted; nothing was sent"))
    }
}

/// The password from a file, from the environment, or from the person.
pub(super) fn password(file: Option<&Path>, name: &str) -> Result<String, Failure> {
    if let Some(file) = file {
        return first_line(file);
    }
    if let Ok(password) = std::env::var("FIRSTLINE_PASSWORD") {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "there is nobody to ask for the password; pass --password-file FILE or set FIRSTLINE_PASSWORD",
        ));
    }
    hidden(&format!("Password of {name}: "))
}

/// A password to come, from a file or from the person, who types it twice because nothing shows what was typed.
pub(super) fn new_password(file: Option<&Path>) -> Result<String, Failure> {
    if let Some(file) = file {
        return first_line(file);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("there is nobody to ask for the new password; pass --new-password-file FILE"));
    }
    let password = hidden("New password: ")?;
    if hidden("The same again: ")? == password {
        Ok(password)
    } else {
        Err(Failure::failed("the two are not the same; the password stays as it was"))
    }
}

fn first_line(file: &Path) -> Result<String, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read the password from {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn hidden(question: &str) -> Result<String, Failure> {
    rpassword::prompt_password(question).map_err(|error| Failure::failed(format!("cannot read the password: {error}")))
}

fn asked(question: &str) -> Result<String, Failure> {
    let failed = |error| Failure::failed(format!("cannot ask: {error}"));
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{question}").and_then(|()| terminal.flush()).map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim().to_owned())
}
