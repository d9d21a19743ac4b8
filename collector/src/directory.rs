//! Directories of people: whether the person behind a ticket can sign in at all, and under which name.
//!
//! A directory is asked when a diagnosis for a ticket is made, when somebody looks at an account, and when it has to be found out
//! whose machine a ticket is about. It is only read: no connector has a call that writes.
//!
//! Of a person no more is asked for than what [`Account`] holds. It is not stored; what a diagnosis says of it is part of that
//! diagnosis, and which name belongs to an address is remembered in memory for [`REMEMBERED`]. What cannot be read is unknown,
//! with the directory's reason.
//!
//! Limits: [`LOOK_WITHIN`] for a question, [`SUGGEST_WITHIN`] where a page waits for it, [`AT_ONCE`] questions at the same time,
//! [`NAME_LETTERS`] of a name, [`PEOPLE_MAX`] remembered names.

mod account;
mod active;
mod document;
mod entra;
mod filetime;
mod ldap;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::{Reading, Timestamp, Unknown, Why};
use tokio::sync::Semaphore;

pub use account::{Account, Answer};
pub use document::{DirectoryList, DirectoryTrial, DirectoryTrialOrder, DirectoryView};

use crate::app::Clock;
use crate::config::{Config, DirectoryKind, DirectorySettings};
use crate::desk::{Steps, Trouble, TroubleKind};
use crate::ticket::Requester;

/// How long a question may take.
const LOOK_WITHIN: Duration = Duration::from_secs(12);
/// The same, where somebody waits for a page.
const SUGGEST_WITHIN: Duration = Duration::from_secs(3);
/// Questions at the same time.
const AT_ONCE: usize = 8;
/// How long it is remembered which name belongs to an address.
const REMEMBERED: Duration = Duration::from_mins(10);
/// How long it is remembered that a directory was away.
const TROUBLE_REMEMBERED: Duration = Duration::from_mins(1);
/// Most names that are remembered.
const PEOPLE_MAX: usize = 1000;
/// Longest name that is asked for.
const NAME_LETTERS: usize = 256;

/// A way to a directory.
#[async_trait]
trait Source: Send + Sync + Debug {
    /// The account that `name` means; trouble of the kind [`TroubleKind::NotFound`] when there is none.
    async fn look(&self, name: &str, now: Timestamp) -> Result<Account, Trouble>;

    /// Takes the steps of a look, one after the other, up to the first that fails; for `name`, else for itself.
    async fn walk(&self, name: Option<&str>, now: Timestamp, steps: &mut Steps) -> Option<()>;
}

/// A directory with what the administrator said about it.
#[derive(Debug)]
struct Configured {
    settings: DirectorySettings,
    /// The way to it; or why there is none.
    source: Result<Arc<dyn Source>, String>,
}

/// A person, as far as it says whose machine is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The name that they sign in with.
    pub(crate) sign_in: String,
    /// Names of computers that the directory says are theirs.
    pub(crate) machines: Vec<String>,
}

/// What a directory said of the person behind a ticket.
#[derive(Debug)]
pub(crate) struct Asked {
    /// By which name they were looked for.
    name: String,
    outcome: Result<Account, Trouble>,
}

impl Asked {
    /// For a diagnosis in which it is `at`.
    pub(crate) fn readings(&self, at: Timestamp) -> Vec<Reading> {
        match &self.outcome {
            Ok(account) => account.readings(at),
            Err(trouble) => account::unreadable(&self.name, &unknown(trouble), at),
        }
    }

    /// What keeps them from signing in, in a sentence; nothing when nothing is known to.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.outcome.as_ref().ok()?.trouble()
    }

    /// Who was asked, in a sentence.
    pub(crate) fn note(&self) -> String {
        match &self.outcome {
            Ok(Account { sign_in, directory, .. }) => {
                format!("The account {sign_in} of the requester was looked up in directory {directory}.")
            }
            Err(trouble) => format!("The account of the requester could not be looked up: {trouble}."),
        }
    }
}

/// The directories of the configuration. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directories(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Vec<Configured>,
    clock: Arc<dyn Clock>,
    turns: Semaphore,
    /// By address or name, with until when it is remembered.
    people: Mutex<HashMap<String, (Timestamp, Option<Person>)>>,
}

impl Directories {
    /// The directories that `config` names. One whose secret cannot be read is there all the same, and says so when it is asked.
    pub fn open(config: &Config, folder: &Path, clock: Arc<dyn Clock>) -> Self {
        let one = |settings: &DirectorySettings| {
            let source = connect(settings, folder);
            if let Err(why) = &source {
                tracing::error!(directory = %settings.name, "Directory {} cannot be used: {why}", settings.name);
            }
            Configured { settings: settings.clone(), source }
        };
        Self::of(config.directory.iter().map(one).collect(), clock)
    }

    /// None.
    pub fn none(clock: Arc<dyn Clock>) -> Self {
        Self::of(Vec::new(), clock)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.all.is_empty()
    }

    fn of(all: Vec<Configured>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { all, clock, turns: Semaphore::new(AT_ONCE), people: Mutex::default() }))
    }

    /// All of them, in the order of the file.
    pub fn list(&self) -> DirectoryList {
        let view = |one: &Configured| DirectoryView {
            name: one.settings.name.clone(),
            kind: one.settings.kind.name().to_owned(),
            url: one.settings.address().to_owned(),
            trouble: one.source.as_ref().err().cloned().unwrap_or_default(),
        };
        DirectoryList { directories: self.0.all.iter().map(view).collect() }
    }

    /// The account that `name` means: a sign-in name or an e-mail address. The first directory that has one answers.
    ///
    /// # Errors
    /// When none has one, several fit, or a directory could not be asked.
    pub async fn look(&self, name: &str) -> Result<Account, Trouble> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_LETTERS {
            return Err(Trouble::refused(format!("a name has 1 to {NAME_LETTERS} letters")));
        }
        let missing = Trouble::new(TroubleKind::NotFound, format!("account {name:?} in any directory"));
        let mut worst = missing;
        for one in &self.0.all {
            match self.ask_one(one, name).await {
                Ok(account) => return Ok(account),
                Err(trouble) if trouble.kind == TroubleKind::NotFound || worst.kind != TroubleKind::NotFound => {}
                Err(trouble) => worst = Trouble { said: format!("{}: {}", one.settings.name, trouble.said), ..trouble },
            }
        }
        Err(worst)
    }

    /// Asks one of them, in a task of its own, so that an answer that cannot be read harms nobody.
    async fn ask_one(&self, one: &Configured, name: &str) -> Result<Account, Trouble> {
        let source = Arc::clone(one.source.as_ref().map_err(|why| Trouble::away(why.clone()))?);
        let (name, now) = (name.to_owned(), self.0.clock.now());
        let _turn = self.0.turns.acquire().await.map_err(|_| Trouble::away("the collector stops"))?;
        let asked = tokio::spawn(async move { source.look(&name, now).await });
        match tokio::time::timeout(LOOK_WITHIN, asked).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(Trouble::odd("answered with something that cannot be read")),
            Err(_) => Err(Trouble::away(format!("no answer within {} s", LOOK_WITHIN.as_secs()))),
        }
    }

    /// The account of the person behind a ticket, by their sign-in name, else by their address; nothing without directory, or
    /// when nobody says who they are.
    pub(crate) async fn ask(&self, requester: &Requester) -> Option<Asked> {
        if self.0.all.is_empty() {
            return None;
        }
        let mut asked: Option<Asked> = None;
        for name in [&requester.sign_in, &requester.email].into_iter().filter(|name| !name.trim().is_empty()) {
            let outcome = self.look(name).await;
            let missing = matches!(&outcome, Err(trouble) if trouble.kind == TroubleKind::NotFound);
            asked = Some(Asked { name: name.clone(), outcome });
            if !missing {
                break;
            }
        }
        asked
    }

    /// Who the person behind a ticket is in a directory, as far as that is found out quickly.
    pub(crate) async fn person(&self, requester: &Requester) -> Option<Person> {
        if self.0.all.is_empty() {
            return None;
        }
        let key = format!("{}\n{}", requester.sign_in.to_lowercase(), requester.email.to_lowercase());
        let now = self.0.clock.now();
        if let Some((until, known)) = self.people().get(&key)
            && *until > now
        {
            return known.clone();
        }
        let asked = tokio::time::timeout(SUGGEST_WITHIN, self.ask(requester)).await;
        let late = Err(Trouble::away("no answer in time"));
        let outcome = asked.map_or(Some(late), |asked| asked.map(|asked| asked.outcome))?;
        let (person, keep) = match outcome {
            Ok(Account { sign_in, machines, .. }) => (Some(Person { sign_in, machines }), REMEMBERED),
            Err(trouble) if trouble.kind == TroubleKind::NotFound => (None, REMEMBERED),
            Err(_) => (None, TROUBLE_REMEMBERED),
        };
        let mut people = self.people();
        if people.len() >= PEOPLE_MAX {
            people.clear();
        }
        people.insert(key, (now + keep, person.clone()));
        person
    }

    fn people(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Timestamp, Option<Person>)>> {
        self.0.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Walks through a look at a directory, for the account `name` or the one that it is asked by.
    ///
    /// # Errors
    /// When the configuration has no such directory.
    pub async fn try_out(&self, directory: &str, order: &DirectoryTrialOrder) -> Result<DirectoryTrial, Trouble> {
        let found = self.0.all.iter().find(|one| one.settings.name == directory);
        let missing = || Trouble::new(TroubleKind::NotFound, format!("directory {directory:?}"));
        let one = found.ok_or_else(missing)?;
        let mut steps = Steps::default();
        match &one.source {
            Ok(source) => {
                source.walk(order.account.as_deref(), self.0.clock.now(), &mut steps).await;
            }
            Err(why) => {
                steps.take("connect", Err::<(), _>(Trouble::away(why.clone())), |()| String::new());
            }
        }
        Ok(DirectoryTrial { directory: directory.to_owned(), passed: steps.passed(), steps: steps.into_list() })
    }
}

/// The way to what `settings` names.
fn connect(settings: &DirectorySettings, folder: &Path) -> Result<Arc<dyn Source>, String> {
    Ok(match settings.kind {
        DirectoryKind::ActiveDirectory => Arc::new(ldap::ActiveDirectory::new(settings, folder)?),
        DirectoryKind::Entra => Arc::new(entra::Entra::new(settings, folder)?),
    })
}

/// Why nothing is known of an account.
fn unknown(trouble: &Trouble) -> Unknown {
    let why = match trouble.kind {
        TroubleKind::Forbidden | TroubleKind::Unauthorized => Why::NoPermission,
        _ => Why::Failed,
    };
    Unknown::new(why, trouble.said.clone())
}

/// The one of `found` that `name` means: the only one, or the one that has exactly this name.
fn only<T>(
    name: &str,
    found: Vec<T>,
    exactly: impl Fn(&T) -> bool,
    called: impl Fn(&T) -> String,
) -> Result<T, Trouble> {
    let names: Vec<String> = found.iter().map(called).collect();
    let exact = found.iter().filter(|one| exactly(one)).count();
    let several = names.len() > 1 && exact != 1;
    let mut left = found.into_iter().filter(|one| names.len() == 1 || exactly(one));
    match left.next() {
        Some(one) if !several => Ok(one),
        None if !several => Err(Trouble::new(TroubleKind::NotFound, format!("there is no account {name:?}"))),
        _ => Err(Trouble::refused(format!("several accounts fit {name:?}: {}", names.join(", ")))),
    }
}
