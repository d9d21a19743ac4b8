use super::*;
use crate::app::ManualClock;

const NOW: Timestamp = Timestamp(1_768_472_430_000);

/// A directory that knows some, and counts how often it is asked.
#[derive(Debug, Default)]
struct Few {
    accounts: Vec<Account>,
    trouble: Option<Trouble>,
    asked: Arc<Mutex<usize>>,
}

#[async_trait]
impl Source for Few {
    async fn look(&self, name: &str, _: Timestamp) -> Result<Account, Trouble> {
        *self.asked.lock().expect("nobody panicked") += 1;
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        assert_ne!(name, "panic", "an answer that cannot be read");
        let fits = |account: &&Account| name.split('@').next() == Some(&account.sign_in);
        only(name, self.accounts.iter().filter(fits).cloned().collect(), |_| false, |one| one.sign_in.clone())
    }

    async fn walk(&self, _: Option<&str>, _: Timestamp, _: &mut Steps) -> Option<()> {
        None
    }
}

fn account(directory: &str, sign_in: &str) -> Account {
    Account {
        directory: directory.to_owned(),
        sign_in: sign_in.to_owned(),
        asked_at: NOW,
        locked: Answer::Known(true),
        locked_at: None,
        disabled: Answer::Known(false),
        account_ends: Answer::Known(None),
        must_change: Answer::Known(false),
        password_ends: Answer::Known(Some(Timestamp(NOW.0 + 3 * 86_400_000))),
        machines: vec!["WS-0001".to_owned()],
    }
}

fn house(directories: Vec<(&str, Few)>) -> (Directories, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let one = |(name, few): (&str, Few)| Configured {
        settings: DirectorySettings { name: name.to_owned(), ..DirectorySettings::default() },
        source: Ok(Arc::new(few)),
    };
    (Directories::of(directories.into_iter().map(one).collect(), Arc::clone(&clock) as _), clock)
}

fn requester(sign_in: &str, email: &str) -> Requester {
    Requester { name: String::new(), email: email.to_owned(), sign_in: sign_in.to_owned() }
}

fn away() -> Few {
    Few { trouble: Some(Trouble::away("cannot be reached")), ..Few::default() }
}

#[tokio::test]
async fn the_first_directory_that_has_the_account_answers() {
    let second = Few { accounts: vec![account("second", "ana")], ..Few::default() };
    let (house, _) = house(vec![("first", Few::default()), ("second", second)]);
    assert_eq!(house.look(" ana ").await.expect("found").directory, "second");
    let missing = house.look("bob").await.expect_err("nobody has it");
    assert_eq!(missing.said, "account \"bob\" in any directory");
    for odd in ["", &"x".repeat(300)] {
        assert_eq!(house.look(odd).await.expect_err("no name").kind, TroubleKind::Refused);
    }
}

#[tokio::test]
async fn a_directory_that_is_away_is_not_taken_for_one_that_has_no_such_account() {
    let (house, _) = house(vec![("first", away()), ("second", Few::default())]);
    let trouble = house.look("ana").await.expect_err("nobody knows");
    assert_eq!((trouble.kind, trouble.said.as_str()), (TroubleKind::Away, "first: cannot be reached"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_trouble_and_not_the_end() {
    let (house, _) = house(vec![("first", Few::default())]);
    assert_eq!(house.look("panic").await.expect_err("unreadable").kind, TroubleKind::Odd);
}

#[tokio::test]
async fn a_diagnosis_learns_what_is_known_or_why_it_is_not() {
    let corp = Few { accounts: vec![account("corp", "ana")], ..Few::default() };
    let (house, _) = house(vec![("corp", corp)]);
    let asked = house.ask(&requester("", "ana@corp.test")).await.expect("asked");
    assert_eq!(asked.note(), "The account ana of the requester was looked up in directory corp.");
    let readings = asked.readings(Timestamp(7));
    let told: Vec<String> = readings.iter().map(|one| format!("{:?} {:?}", one.series, one.outcome)).collect();
    let never = readings[4].outcome.as_ref().expect_err("an account without an end");
    assert_eq!((readings.len(), never.why), (5, Why::NotPresent), "{told:?}");
    assert!(told[0].contains("endpoint.user.locked") && told[0].contains("true"), "{told:?}");
    assert!(readings.iter().all(|one| one.at == Timestamp(7)));

    let none = house.ask(&requester("zoe", "")).await.expect("asked").readings(NOW);
    assert!(none.iter().all(|one| one.outcome.is_err()), "no such account is unknown, never fine");
    assert_eq!(none.len(), 5);
    assert!(house.ask(&requester("", " ")).await.is_none(), "nobody said who it is");
}

#[test]
fn what_keeps_somebody_from_signing_in_is_one_sentence() {
    let mut one = account("corp", "ana");
    let locked = "The account ana cannot sign in, says directory corp: it is locked.";
    assert_eq!(one.trouble().as_deref(), Some(locked));
    one.password_ends = Answer::Known(Some(NOW));
    assert!(one.trouble().is_some_and(|words| words.ends_with("it is locked, and its password has expired.")));
    one.must_change = Answer::Known(true);
    assert!(
        one.trouble().is_some_and(|words| words.ends_with("it is locked, and its password must be changed first."))
    );
    let fine = Account { locked: Answer::Known(false), ..account("corp", "ana") };
    assert_eq!(fine.trouble(), None, "a password that ends soon keeps nobody out");
    let hidden = Answer::Unknown(Unknown::from(Why::NoPermission));
    assert_eq!(Account { locked: hidden, ..fine }.trouble(), None, "what is unknown is not claimed");
}

#[tokio::test]
async fn a_sign_in_name_that_the_directory_does_not_know_is_tried_by_the_address() {
    let corp = Few { accounts: vec![account("corp", "ana")], ..Few::default() };
    let (house, _) = house(vec![("corp", corp)]);
    assert!(house.ask(&requester("local-ana", "ana@corp.test")).await.expect("asked").note().contains("account ana"));
}

#[tokio::test]
async fn whose_address_it_is_is_remembered_for_a_while() {
    let corp = Few { accounts: vec![account("corp", "ana")], ..Few::default() };
    let asked = Arc::clone(&corp.asked);
    let (house, clock) = house(vec![("corp", corp)]);
    let who = requester("", "ana@corp.test");
    let person = house.person(&who).await.expect("known");
    assert_eq!((person.sign_in.as_str(), person.machines.as_slice()), ("ana", &["WS-0001".to_owned()][..]));
    house.person(&requester("", "ANA@corp.test")).await.expect("remembered");
    assert_eq!(*asked.lock().expect("count"), 1);
    clock.advance(REMEMBERED + Duration::from_secs(1));
    house.person(&who).await.expect("asked again");
    assert_eq!(*asked.lock().expect("count"), 2);
}

#[tokio::test]
async fn a_directory_that_is_away_is_left_alone_for_a_minute() {
    let corp = away();
    let asked = Arc::clone(&corp.asked);
    let (house, clock) = house(vec![("corp", corp)]);
    let who = requester("ana", "");
    assert_eq!(house.person(&who).await, None);
    assert_eq!(house.person(&who).await, None);
    assert_eq!(*asked.lock().expect("count"), 1);
    clock.advance(TROUBLE_REMEMBERED + Duration::from_secs(1));
    assert_eq!(house.person(&who).await, None);
    assert_eq!(*asked.lock().expect("count"), 2);
}

#[test]
fn only_one_account_is_meant_or_none() {
    let call = |name: &str, found: &[&str]| {
        let found = found.iter().map(|one| (*one).to_owned()).collect();
        only(name, found, |one: &String| one == name, String::clone).map_err(|trouble| trouble.kind)
    };
    assert_eq!(call("a", &["b"]), Ok("b".to_owned()), "the only one that fits");
    assert_eq!(call("a", &["b", "a"]), Ok("a".to_owned()), "the one of exactly this name");
    assert_eq!(call("a", &["b", "c"]), Err(TroubleKind::Refused));
    assert_eq!(call("a", &["a", "a"]), Err(TroubleKind::Refused));
    assert_eq!(call("a", &[]), Err(TroubleKind::NotFound));
}
