//! Active Directory over LDAP: encrypted from the first byte (`ldaps://`) or before anything is said (`ldap://` with StartTLS), a
//! simple bind, and searches. There is no call here that writes.
//!
//! Limits: [`CONNECT_WITHIN`] until the connection is encrypted, [`STEP_WITHIN`] for a bind or a page. A search reads pages of
//! [`PAGE`] entries and stops after [`MATCHES_MAX`]. Referrals are passed over, since who they name was not configured. A
//! connection serves one question; its password was never empty, since a server takes a bind without one as nobody's.

mod refusal;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::Timestamp;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, ldap_escape};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt as _;

use super::account::{Account, Answer};
use super::active::{ATTRIBUTES, Given, Policy, account};
use super::{Source, Steps, only};
use crate::config::DirectorySettings;
use crate::desk::{Trouble, TroubleKind};
use refusal::{broken, refused};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const STEP_WITHIN: Duration = Duration::from_secs(5);
const PAGE: i32 = 50;
const MATCHES_MAX: usize = 10;

/// An Active Directory.
#[derive(Debug)]
pub(super) struct ActiveDirectory {
    settings: DirectorySettings,
    password: Secret,
    tls: Arc<ClientConfig>,
}

/// What must not be printed.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A connection that is signed in, and where people are.
struct Open {
    ldap: Ldap,
    base: String,
    policy: Policy,
}

impl ActiveDirectory {
    /// The one that `settings` names.
    ///
    /// # Errors
    /// When the password or the certificates cannot be read.
    pub(super) fn new(settings: &DirectorySettings, folder: &Path) -> Result<Self, String> {
        let password = Secret(settings.secret(folder)?);
        let tls = if settings.ca_file.as_os_str().is_empty() {
            ClientConfig::with_platform_verifier().map_err(|error| format!("the system's certificates: {error}"))?
        } else {
            let roots = roots(&folder.join(&settings.ca_file))?;
            ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
        };
        Ok(Self { settings: settings.clone(), password, tls: Arc::new(tls) })
    }

    async fn connect(&self) -> Result<Ldap, Trouble> {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&self.tls)).set_starttls(true);
        let connecting = LdapConnAsync::with_settings(settings, &self.settings.url);
        let late = |_| Trouble::away(format!("no encrypted connection within {} s", CONNECT_WITHIN.as_secs()));
        let (connection, ldap) =
            tokio::time::timeout(CONNECT_WITHIN, connecting).await.map_err(late)?.map_err(broken)?;
        // Ends with the last handle.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(error = %error, "A connection to a directory broke: {error}");
            }
        });
        Ok(ldap)
    }

    async fn sign_in(&self, ldap: &mut Ldap) -> Result<(), Trouble> {
        let bound = ldap.with_timeout(STEP_WITHIN).simple_bind(&self.settings.user, &self.password.0).await;
        refused("sign-in", &bound.map_err(broken)?)
    }

    /// Where people are: as configured, else where the directory says that its domain begins; with the domain's policy.
    async fn base(&self, ldap: &mut Ldap) -> Result<(String, Policy), Trouble> {
        let own = one(ldap, "", &["defaultNamingContext"]).await?;
        let domain = own.as_ref().map_or("", |own| own.text("defaultNamingContext")).to_owned();
        let base = if self.settings.base.is_empty() { domain.clone() } else { self.settings.base.clone() };
        if base.is_empty() {
            return Err(Trouble::odd("it does not say where its domain begins; set base"));
        }
        let there = one(ldap, &base, &["distinguishedName"]).await?;
        there.ok_or_else(|| {
            Trouble::new(TroubleKind::Forbidden, format!("{base} cannot be seen by {}", self.settings.user))
        })?;
        let policy = one(ldap, &domain, &Policy::ATTRIBUTES).await?;
        Ok((base, policy.as_ref().map(Policy::of).unwrap_or_default()))
    }

    async fn open(&self) -> Result<Open, Trouble> {
        let mut ldap = self.connect().await?;
        self.sign_in(&mut ldap).await?;
        let (base, policy) = self.base(&mut ldap).await?;
        Ok(Open { ldap, base, policy })
    }

    async fn find(&self, open: &mut Open, name: &str, now: Timestamp) -> Result<Account, Trouble> {
        let found = search(&mut open.ldap, &open.base, Scope::Subtree, &filter(name), &ATTRIBUTES).await?;
        let exactly = |given: &Given| given.text("userPrincipalName").eq_ignore_ascii_case(name);
        let given = only(name, found, exactly, |given| given.text("sAMAccountName").to_owned())?;
        Ok(account(&self.settings.name, &given, open.policy, now))
    }
}

#[async_trait]
impl Source for ActiveDirectory {
    async fn look(&self, name: &str, now: Timestamp) -> Result<Account, Trouble> {
        let mut open = self.open().await?;
        self.find(&mut open, name, now).await
    }

    async fn walk(&self, name: Option<&str>, now: Timestamp, steps: &mut Steps) -> Option<()> {
        let url = &self.settings.url;
        let mut ldap = steps.take("connect", self.connect().await, |_| format!("{url}, encrypted"))?;
        let user = &self.settings.user;
        steps.take("sign in", self.sign_in(&mut ldap).await, |()| format!("as {user}"))?;
        let (base, policy) = steps.take("base", self.base(&mut ldap).await, |(base, _)| base.clone())?;
        let mut open = Open { ldap, base, policy };
        let found = self.find(&mut open, name.unwrap_or(user), now).await;
        let account = steps.take("find", found, |account| format!("account {}", account.sign_in))?;
        steps.take("read", readable(&account), |()| "all that is asked for is told".to_owned())
    }
}

/// Says what of an account is hidden from us.
fn readable(account: &Account) -> Result<(), Trouble> {
    let flags = [&account.locked, &account.disabled, &account.must_change].map(|answer| match answer {
        Answer::Known(_) => None,
        Answer::Unknown(unknown) => Some(&unknown.detail),
    });
    let ends = [&account.account_ends, &account.password_ends].map(|answer| match answer {
        Answer::Known(_) => None,
        Answer::Unknown(unknown) => Some(&unknown.detail),
    });
    let mut hidden: Vec<&str> = flags.into_iter().chain(ends).flatten().map(String::as_str).collect();
    hidden.dedup();
    if hidden.is_empty() {
        return Ok(());
    }
    let said = hidden.join("; ");
    Err(Trouble::new(TroubleKind::Forbidden, said).meaning("it needs Read Account Restrictions on user objects"))
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let unreadable = |why: String| format!("ca_file: cannot read {}: {why}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unreadable("it holds no certificate in PEM form".to_owned())) } else { Ok(roots) }
}

/// People whom `name` means: a sign-in name, with or without its domain before it, a user principal name, an e-mail address, or
/// the place of the object.
fn filter(name: &str) -> String {
    let bare = name.rsplit_once('\\').map_or(name, |(_, bare)| bare);
    let (name, bare) = (ldap_escape(name), ldap_escape(bare));
    format!(
        "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={bare})(userPrincipalName={name})(mail={name})\
         (proxyAddresses=smtp:{name})(distinguishedName={name})))"
    )
}

/// The object at `place`, if there is one that can be seen.
async fn one(ldap: &mut Ldap, place: &str, attributes: &[&'static str]) -> Result<Option<Given>, Trouble> {
    let found = search(ldap, place, Scope::Base, "(objectClass=*)", attributes).await;
    match found {
        Ok(found) => Ok(found.into_iter().next()),
        Err(trouble) if trouble.kind == TroubleKind::NotFound && !place.is_empty() => {
            Err(trouble.meaning("is base right?"))
        }
        Err(trouble) => Err(trouble),
    }
}

async fn search(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: &[&'static str],
) -> Result<Vec<Given>, Trouble> {
    let adapters: Vec<Box<dyn Adapter<'_, &str, Vec<&str>>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let ldap = ldap.with_timeout(STEP_WITHIN);
    let mut found =
        ldap.streaming_search_with(adapters, base, scope, filter, attributes.to_vec()).await.map_err(broken)?;
    let mut all = Vec::new();
    while let Some(entry) = found.next().await.map_err(broken)? {
        all.push(SearchEntry::construct(entry).attrs.into_iter().collect());
        if all.len() >= MATCHES_MAX {
            return Ok(all);
        }
    }
    let mut end = found.finish().await;
    // Where else it could be looked for; nobody goes there.
    end.refs.clear();
    refused("search", &end).map(|()| all)
}
