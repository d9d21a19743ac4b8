use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::audit::Entry;
use super::*;
use crate::app::ManualClock;
use crate::store::{Connection, Engine, fixture, sql};

const PASSWORD: &str = "correct horse battery";

struct House {
    access: Access,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
    let access = Access::new(store, Arc::clone(&clock) as Arc<dyn Clock>).expect("access");
    House { access, clock, folder }
}

impl House {
    async fn account(&self, name: &str, role: Role) {
        let order = NewAccount { name: name.into(), role, password: Some(PASSWORD.into()) };
        self.access.create_account(order, &Actor::local("test")).await.expect("account");
    }

    async fn sign_in(&self, kind: SessionKind) -> String {
        self.access.sign_in("Ada", PASSWORD, kind, None).await.expect("right password").token
    }

    async fn alive(&self, token: &str) -> bool {
        self.access.principal(token).await.expect("store").is_some()
    }
}

#[tokio::test]
async fn a_browser_session_ends_after_eight_idle_hours() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    let token = house.sign_in(SessionKind::Browser).await;
    house.clock.advance(Duration::from_secs(8 * 3600 - 1));
    assert!(house.alive(&token).await, "one second before");
    house.clock.advance(Duration::from_hours(8));
    assert!(!house.alive(&token).await);
}

#[tokio::test]
async fn a_reset_password_is_the_only_one_and_ends_what_the_old_one_began() {
    let house = house().await;
    house.account("ada", Role::Administrator).await;
    let token = house.sign_in(SessionKind::Command).await;
    let by = Actor::local("test");
    let password = house.access.reset_password("Ada", &by).await.expect("reset");
    assert!(!house.alive(&token).await);
    let sign_in = async |password: &str| house.access.sign_in("ada", password, SessionKind::Browser, None).await;
    assert!(matches!(sign_in(PASSWORD).await, Err(AccessError::WrongCredentials)));
    assert!(sign_in(&password).await.is_ok());
    let nobody = house.access.reset_password("eve", &by).await;
    assert!(matches!(nobody, Err(AccessError::NoSuchAccount(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_old_one_and_other_sessions_end() {
    let house = house().await;
    house.account("ada", Role::Auditor).await;
    let (here, elsewhere) = (house.sign_in(SessionKind::Browser).await, house.sign_in(SessionKind::Command).await);
    let ada = Actor::local("ada");
    let change = async |old: &str, new: &str| {
        house.access.change_password(NewPassword { old: old.into(), new: new.into() }, &here, &ada).await
    };
    assert!(matches!(change("no battery at all", "a longer new one").await, Err(AccessError::WrongPassword)));
    assert!(matches!(change(PASSWORD, PASSWORD).await, Err(AccessError::SamePassword)));
    assert!(matches!(change(PASSWORD, "short").await, Err(AccessError::Password(PasswordError::Length))));
    assert!(house.alive(&elsewhere).await, "nothing was changed");
    change(PASSWORD, "a longer new one").await.expect("changed");
    assert!(house.alive(&here).await && !house.alive(&elsewhere).await);
    let sign_in = async |password: &str| house.access.sign_in("ada", password, SessionKind::Browser, None).await;
    assert!(matches!(sign_in(PASSWORD).await, Err(AccessError::WrongCredentials)));
    assert!(sign_in("a longer new one").await.is_ok());
    let log = house.access.audit().page("account.password", None, 10).await.expect("log");
    let acts: Vec<&str> = log.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(acts, ["account.password", "account.password.refuse"]);
}

#[tokio::test]
async fn who_guesses_the_old_password_at_an_unlocked_screen_must_wait() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    let token = house.sign_in(SessionKind::Browser).await;
    let guess = async || {
        let order = NewPassword { old: "a wrong guess".into(), new: "a longer new one".into() };
        house.access.change_password(order, &token, &Actor::local("ada")).await
    };
    for _ in 0..5 {
        assert!(matches!(guess().await, Err(AccessError::WrongPassword)));
    }
    assert!(matches!(guess().await, Err(AccessError::Wait(_))));
}

#[tokio::test]
async fn who_is_signed_in_stays_so_while_nothing_can_be_written() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    let token = house.sign_in(SessionKind::Browser).await;
    let write = |tx: &mut Connection| {
        let refuse = match tx.engine() {
            Engine::Sqlite => "CREATE TRIGGER refuse BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'full'); END",
            Engine::Postgres => "ALTER TABLE sessions ADD CONSTRAINT refuse CHECK (seen_at_ms < 0) NOT VALID",
        };
        sql::query(refuse)
    };
    let refused = house.access.store.write(move |tx| {
        Box::pin(async move {
            write(tx).execute(tx).await?;
            Ok::<_, AccessError>(())
        })
    });
    refused.await.expect("from now on");
    house.clock.advance(Duration::from_mins(5));
    assert!(house.alive(&token).await);
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_from_looking_and_the_audit_log_has_it_later() {
    let house = house().await;
    if !matches!(house.access.store.reads(), crate::store::Reads::Sqlite(_)) {
        return;
    }
    let pages = async |most: &'static str| {
        let set = house.access.store.write(move |tx| {
            Box::pin(async move {
                sql::query(most).execute(tx).await?;
                Ok::<_, AccessError>(())
            })
        });
        set.await.expect("set");
    };
    let (ada, audit) = (Actor::local("ada"), house.access.audit());
    pages("PRAGMA max_page_count = 1").await;
    let change = || Entry::new(&ada, "ticket.note", "FL-1").detail("x".repeat(400));
    let mut written = 0;
    while audit.record(change()).await.is_ok() {
        written += 1;
        assert!(written < 1000, "the disk is never full");
    }
    house.clock.advance(Duration::from_secs(7));
    audit.record(Entry::new(&ada, "endpoint.read", "e1").detail("y".repeat(400))).await.expect("looking goes on");
    assert!(audit.record(change()).await.is_err(), "changes do not");
    assert!(audit.catch_up().await.is_err());
    pages("PRAGMA max_page_count = 1000000").await;
    house.clock.advance(Duration::from_mins(1));
    audit.catch_up().await.expect("there is room");
    audit.catch_up().await.expect("once");
    let page = audit.page("endpoint.read", None, 10).await.expect("log");
    let at: Vec<Timestamp> = page.entries.iter().map(|entry| entry.at.0).collect();
    assert_eq!(at, [Timestamp(1_769_000_007_000)], "once, with its own time");
    assert!(audit.verify().await.expect("log").whole);
}

#[tokio::test]
async fn a_browser_session_ends_after_a_day_however_busy() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    let token = house.sign_in(SessionKind::Browser).await;
    for _ in 0..4 {
        house.clock.advance(Duration::from_secs(5 * 3600 + 3500));
        assert!(house.alive(&token).await);
    }
    house.clock.advance(Duration::from_hours(1));
    assert!(!house.alive(&token).await);
}

#[tokio::test]
async fn sign_out_and_disabling_end_sessions_at_once() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    house.account("root", Role::Administrator).await;
    let (one, two) = (house.sign_in(SessionKind::Browser).await, house.sign_in(SessionKind::Command).await);
    house.access.sign_out(&one, &Actor::local("ada")).await.expect("sign-out");
    assert!(!house.alive(&one).await && house.alive(&two).await);
    house.access.disable_account("ada", &Actor::local("root")).await.expect("disable");
    assert!(!house.alive(&two).await);
    let refused = house.access.sign_in("ada", PASSWORD, SessionKind::Browser, None).await;
    assert!(matches!(refused, Err(AccessError::WrongCredentials)), "a disabled account reads like a wrong password");
}

#[tokio::test]
async fn an_unknown_name_reads_like_a_wrong_password_and_is_slowed_like_one() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    for name in ["ada", "nobody"] {
        for _ in 0..5 {
            let refused = house.access.sign_in(name, "wrong password", SessionKind::Browser, None).await;
            assert!(matches!(refused, Err(AccessError::WrongCredentials)));
        }
        let refused = house.access.sign_in(name, PASSWORD, SessionKind::Browser, None).await;
        assert!(matches!(refused, Err(AccessError::Wait(_))), "{name}");
    }
    house.clock.advance(Duration::from_secs(301));
    house.sign_in(SessionKind::Browser).await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let house = house().await;
    let first = house.access.create_first_administrator("Admin").await.expect("runs").expect("none before");
    assert_eq!(first.account.name, "admin");
    assert!(first.password.is_some());
    assert!(house.access.create_first_administrator("other").await.expect("runs").is_none(), "only the first time");
    let refused = house.access.disable_account("admin", &Actor::local("test")).await;
    assert!(matches!(refused, Err(AccessError::LastAdministrator(_))));
}

#[tokio::test]
async fn names_are_taken_once_and_hold_no_surprises() {
    let house = house().await;
    house.account("ada", Role::Ops).await;
    for name in ["ADA", "", "a b", "<b>", "ada\u{202e}", &"x".repeat(65)] {
        let order = NewAccount { name: name.to_owned(), role: Role::Ops, password: None };
        assert!(house.access.create_account(order, &Actor::local("test")).await.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn the_chain_shows_where_it_was_changed() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    for object in ["e1", "e2", "e3"] {
        let entry = audit::Entry::new(&Actor::local("ada"), "endpoint.read", object).ticket("FL-1");
        house.access.audit().record(entry).await.expect("written");
    }
    let report = house.access.audit().verify().await.expect("walk");
    assert_eq!((report.whole, report.entries), (true, 4));

    let mut intruder = fixture::connect(house.folder.path()).await;
    let change = "UPDATE audit_log SET object = 'e9' WHERE sequence = 3";
    assert!(sql::query(change).execute(&mut intruder).await.is_err(), "the trigger refuses");
    fixture::drop_trigger(&mut intruder, "audit_log_refuses_updates").await;
    sql::query(change).execute(&mut intruder).await.expect("intruder");
    let report = house.access.audit().verify().await.expect("walk");
    assert_eq!((report.whole, report.broken_at), (false, Some(3)));
}

#[tokio::test]
async fn a_missing_entry_breaks_the_chain() {
    let house = house().await;
    house.account("ada", Role::Technician).await;
    house.account("bob", Role::Technician).await;
    house.account("eve", Role::Technician).await;
    let mut intruder = fixture::connect(house.folder.path()).await;
    fixture::drop_trigger(&mut intruder, "audit_log_refuses_deletes").await;
    sql::query("DELETE FROM audit_log WHERE sequence = 2").execute(&mut intruder).await.expect("intruder");
    assert_eq!(house.access.audit().verify().await.expect("walk").broken_at, Some(3));
}

#[tokio::test]
async fn a_look_walks_what_is_new_and_sees_what_became_of_the_rest() {
    let house = house().await;
    for name in ["ada", "bob", "eve"] {
        house.account(name, Role::Technician).await;
    }
    let look = async |entries| house.access.audit().walk_on(entries).await.expect("walked");
    let first = look(2).await;
    assert_eq!((first.walked.entries, first.entries, first.is_whole()), (2, 3, false), "not all of it yet");
    assert!(look(2).await.is_whole());
    let mut intruder = fixture::connect(house.folder.path()).await;
    fixture::drop_trigger(&mut intruder, "audit_log_refuses_updates").await;
    fixture::drop_trigger(&mut intruder, "audit_log_refuses_deletes").await;
    let change = "UPDATE audit_log SET object = 'e9' WHERE sequence = 2";
    sql::query(change).execute(&mut intruder).await.expect("intruder");
    assert!(look(10).await.is_whole(), "a look does not walk again what was walked");
    assert_eq!(house.access.audit().verify().await.expect("walk").broken_at, Some(2), "a full walk does");
    assert_eq!(look(10).await.walked.broken_at, Some(2), "and a break is not forgotten");
}

#[tokio::test]
async fn a_look_sees_that_the_end_was_cut_off() {
    let house = house().await;
    for name in ["ada", "bob", "eve"] {
        house.account(name, Role::Technician).await;
    }
    assert!(house.access.audit().walk_on(100).await.expect("walked").is_whole());
    let mut intruder = fixture::connect(house.folder.path()).await;
    fixture::drop_trigger(&mut intruder, "audit_log_refuses_deletes").await;
    sql::query("DELETE FROM audit_log WHERE sequence = 3").execute(&mut intruder).await.expect("intruder");
    let standing = house.access.audit().walk_on(100).await.expect("walked");
    assert_eq!((standing.is_whole(), standing.walked.broken_at), (false, Some(3)));
}
