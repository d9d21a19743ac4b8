use std::time::Duration;

use super::*;

/// 2026-01-15T10:20:30Z.
const NOW: Timestamp = Timestamp(1_768_472_430_000);
const NOW_COUNT: i64 = 134_129_460_300_000_000;
const DAY: i64 = 864_000_000_000;
const NEVER: &str = "9223372036854775807";

/// A user of a usual domain with these attributes changed; an empty one is not given.
fn user(changed: &[(&str, &str)]) -> Given {
    let expiry = (NOW_COUNT + 30 * DAY).to_string();
    let set = (NOW_COUNT - 12 * DAY).to_string();
    let usual = [
        ("sAMAccountName", "ana"),
        ("userAccountControl", "512"),
        (COMPUTED, "0"),
        ("lockoutTime", "0"),
        ("pwdLastSet", set.as_str()),
        (EXPIRY, expiry.as_str()),
        ("accountExpires", NEVER),
    ];
    let all = usual.into_iter().chain(changed.iter().copied());
    let all: BTreeMap<&str, &str> = all.collect();
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
        .collect()
}

fn domain(password_age: &str, lockout: &str) -> Policy {
    let pairs = Policy::ATTRIBUTES.into_iter().zip([password_age, lockout]);
    Policy::of(&pairs.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect())
}

fn told(changed: &[(&str, &str)], policy: Policy) -> Account {
    account("corp", &user(changed), policy, NOW)
}

fn hidden<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Answer::Unknown(unknown) if unknown.why == Why::NoPermission)
}

#[test]
fn an_account_that_nothing_is_wrong_with_says_so() {
    let account = told(&[], Policy::default());
    assert_eq!((&account.locked, &account.disabled), (&Answer::Known(false), &Answer::Known(false)));
    assert_eq!(account.must_change, Answer::Known(false));
    assert_eq!(account.account_ends, Answer::Known(None));
    assert_eq!(account.password_ends, Answer::Known(Some(NOW + Duration::from_hours(30 * 24))));
    let words = account.words();
    assert_eq!(words[0], ("locked", "no".to_owned()));
    assert_eq!(words[4].1, "ends on 2026-02-14 10:20 UTC, in 30 d");
}

#[test]
fn locked_is_what_the_directory_computes_and_not_what_stayed_behind() {
    let at = (NOW_COUNT - DAY / 24).to_string();
    let now = told(&[(COMPUTED, "16"), ("lockoutTime", &at)], Policy::default());
    assert_eq!(now.locked, Answer::Known(true));
    assert_eq!(now.locked_at, Some(Timestamp(NOW.0 - 3_600_000)));
    let over = told(&[("lockoutTime", &at)], Policy::default());
    assert_eq!((over.locked, over.locked_at), (Answer::Known(false), None), "the lock has lapsed");
    let bit = told(&[("userAccountControl", "528")], Policy::default());
    assert_eq!(bit.locked, Answer::Known(false), "the bit there is not kept up to date");
    let computer = told(&[("userAccountControl", "4096"), (COMPUTED, "16")], Policy::default());
    assert_eq!(computer.locked, Answer::Known(false), "a computer's account is never locked");
}

#[test]
fn without_what_is_computed_the_domains_policy_decides_or_nobody_knows() {
    let at = (NOW_COUNT - DAY / 24).to_string();
    let since = [(COMPUTED, ""), ("lockoutTime", at.as_str())];
    let half_an_hour = domain("-36288000000000", "-18000000000");
    assert_eq!(told(&since, half_an_hour).locked, Answer::Known(false), "it lasted half an hour");
    let two_hours = domain("-36288000000000", "-72000000000");
    assert_eq!(told(&since, two_hours).locked, Answer::Known(true));
    let for_ever = domain("-36288000000000", "-9223372036854775808");
    assert_eq!(told(&since, for_ever).locked, Answer::Known(true));
    assert!(hidden(&told(&since, Policy::default()).locked), "nobody knows how long it lasts");
    assert!(hidden(&told(&[(COMPUTED, ""), ("lockoutTime", "")], two_hours).locked));
    assert_eq!(told(&[(COMPUTED, "")], Policy::default()).locked, Answer::Known(false));
}

#[test]
fn a_password_that_was_never_set_must_be_changed() {
    let account = told(&[("pwdLastSet", "0"), (EXPIRY, "0")], Policy::default());
    assert_eq!(account.must_change, Answer::Known(true));
    assert_eq!(account.password_ends, Answer::Known(Some(NOW)));
    let endless = told(&[("pwdLastSet", "0"), (EXPIRY, NEVER), ("userAccountControl", "66048")], Policy::default());
    assert_eq!((endless.must_change, endless.password_ends), (Answer::Known(false), Answer::Known(None)));
    let told_by_end = told(&[("pwdLastSet", ""), (EXPIRY, "0")], Policy::default());
    assert_eq!(told_by_end.must_change, Answer::Known(true));
}

#[test]
fn the_end_of_a_password_follows_from_its_age_where_it_is_not_computed() {
    let hide = [(EXPIRY, "")];
    let in_30_days = Answer::Known(Some(NOW + Duration::from_hours(30 * 24)));
    assert_eq!(told(&hide, domain("-36288000000000", "0")).password_ends, in_30_days, "42 days old at most");
    for never in ["-9223372036854775808", "0"] {
        assert_eq!(told(&hide, domain(never, "0")).password_ends, Answer::Known(None), "passwords never end there");
    }
    assert!(hidden(&told(&hide, Policy::default()).password_ends));
    assert!(hidden(&told(&[(EXPIRY, ""), ("pwdLastSet", "")], domain("-36288000000000", "0")).password_ends));
    assert_eq!(told(&[(EXPIRY, NEVER)], Policy::default()).password_ends, Answer::Known(None));
}

#[test]
fn an_account_ends_when_it_says_and_0_is_never() {
    let yesterday = (NOW_COUNT - DAY).to_string();
    let account = told(&[("accountExpires", &yesterday), ("userAccountControl", "514")], Policy::default());
    assert_eq!(account.account_ends, Answer::Known(Some(Timestamp(NOW.0 - 86_400_000))));
    assert_eq!(account.disabled, Answer::Known(true));
    assert_eq!(account.words()[2].1, "ended on 2026-01-14 10:20 UTC");
    assert_eq!(told(&[("accountExpires", "0")], Policy::default()).account_ends, Answer::Known(None));
}

#[test]
fn what_is_hidden_is_unknown_and_what_is_odd_is_no_panic() {
    let hidden_all = told(&[("userAccountControl", "")], Policy::default());
    assert!(hidden(&hidden_all.locked) && hidden(&hidden_all.disabled) && hidden(&hidden_all.password_ends));
    let odd = told(&[("userAccountControl", "x")], Policy::default());
    assert!(matches!(odd.disabled, Answer::Unknown(unknown) if unknown.why == Why::Failed));
    let wild = told(&[(EXPIRY, "-1"), ("accountExpires", "-9223372036854775808")], Policy::default());
    assert_eq!((wild.password_ends, wild.account_ends), (Answer::Known(Some(NOW)), Answer::Known(None)));
}

#[test]
fn computers_of_a_person_are_those_that_the_directory_names() {
    let given =
        user(&[("userWorkstations", "PC-17, ,PC-18"), ("managedObjects", "CN=WS-0001,CN=Computers,DC=corp,DC=test")]);
    assert_eq!(account("corp", &given, Policy::default(), NOW).machines, ["WS-0001", "PC-17", "PC-18"]);
}
