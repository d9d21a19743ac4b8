//! People who cannot sign in, as an Active Directory says it. One story, since one domain is made for it.

use std::time::Instant;

use firstline_tests::{ActiveDirectory, Stage};
use serde_json::{Value, json};

/// A directory at `url`, asked by `user` with the password in `secret`.
fn table(directory: &ActiveDirectory, name: &str, url: &str, user: &str, good: bool) -> String {
    let secret = if good { directory.secret() } else { directory.wrong_secret() };
    format!(
        "[[directory]]\nname = \"{name}\"\nkind = \"active-directory\"\nurl = \"{url}\"\nuser = \"{user}\"\n\
         secret_file = \"{}\"\nca_file = \"{}\"\n",
        secret.display(),
        directory.root().display()
    )
}

/// What the account of `name` is.
async fn look(stage: &Stage, name: &str) -> Value {
    stage.firstline(&["directory", "look", name, "--json"]).await.done().json()
}

/// The diagnosis on a ticket of the person with this address, pulled from `endpoint`.
async fn diagnosed(stage: &Stage, subject: &str, email: &str, endpoint: &str) -> Value {
    let order = json!({ "requester": { "name": "Sam", "email": email }, "subject": subject });
    let ticket = stage.api.post("/api/v1/tickets", &order).await["number"].as_str().expect("a number").to_owned();
    let pull = stage.attach(&ticket, endpoint).await;
    assert_eq!(pull["state"], "done", "{pull}");
    let id = pull["id"].as_str().expect("an id");
    stage.api.get(&format!("/api/v1/pulls/{id}/result")).await["diagnosis"].clone()
}

fn finding<'a>(diagnosis: &'a Value, check: &str) -> Option<&'a Value> {
    diagnosis["findings"].as_array().expect("findings").iter().find(|finding| finding["id"] == check)
}

#[tokio::test]
async fn a_locked_account_answers_who_cannot_sign_in_and_nobody_else() {
    let mut directory = ActiveDirectory::start().await;
    let (secure, plain) = (format!("ldaps://{}", directory.address), format!("ldap://{}", directory.address));
    let corp = table(&directory, "corp", &secure, "firstline@corp.test", true);
    let wrong = table(&directory, "as-bob", &secure, "bob@corp.test", false);
    let upgraded = table(&directory, "upgraded", &plain, "CN=firstline,CN=Users,DC=corp,DC=test", true);
    let nowhere = table(&directory, "nowhere", "ldaps://127.98.0.0:1", "firstline@corp.test", true);
    let stranger = corp.replace("corp\"\nkind", "stranger\"\nkind").replace(&directory.address, "localhost");
    let mut stage = Stage::open_with(&format!("{corp}{wrong}{upgraded}{nowhere}{stranger}")).await;
    stage.sign_in().await.done();
    is_tried_out_and_says_which_step_failed(&stage).await;

    stage.collector.stop().await;
    stage.collector.configure(&corp);
    stage.collector.start().await;
    tells_who_cannot_sign_in(&stage).await;
    refuses_to_guess(&stage).await;
    says_whose_machine_it_is(&stage).await;
    is_the_answer_where_it_should_be(&stage, &mut directory).await;
    let audit = stage.api.get("/api/v1/audit").await;
    let entries = audit["entries"].as_array().expect("entries");
    let looks = entries.iter().filter(|entry| entry["action"] == "directory.read" && entry["object"] == "bob");
    assert_eq!(looks.count(), 1, "who looked at whom is written down: {audit}");
}

async fn is_tried_out_and_says_which_step_failed(stage: &Stage) {
    for good in ["corp", "upgraded"] {
        let tried = stage.firstline(&["directory", "test", good, "--account", "ana", "--json"]).await.done().json();
        assert_eq!((&tried["passed"], tried["steps"].as_array().map(Vec::len)), (&json!(true), Some(5)), "{tried}");
    }
    stage.firstline(&["directory", "test", "corp"]).await.done();
    for (bad, step, words) in [("nowhere", "connect", "cannot be reached"), ("stranger", "connect", "")] {
        let tried = stage.firstline(&["directory", "test", bad, "--json"]).await.ended_with(1).json();
        let last = tried["steps"].as_array().and_then(|steps| steps.last()).expect("a step").clone();
        assert_eq!((&last["step"], &last["done"]), (&json!(step), &json!(false)), "{tried}");
        assert!(last["said"].as_str().is_some_and(|said| said.contains(words)), "{tried}");
    }
    // Three wrong passwords lock the account.
    for _ in 0..3 {
        let tried = stage.firstline(&["directory", "test", "as-bob", "--json"]).await.ended_with(1).json();
        let last = tried["steps"].as_array().and_then(|steps| steps.last()).expect("a step").clone();
        assert_eq!(last["step"], "sign in", "{tried}");
        assert!(last["said"].as_str().is_some_and(|said| said.contains("49 invalidCredentials")), "{tried}");
    }
}

async fn tells_who_cannot_sign_in(stage: &Stage) {
    let started = Instant::now();
    let bob = look(stage, "bob").await;
    println!("an account was looked up in {:.0} ms", started.elapsed().as_secs_f64() * 1000.0);
    assert_eq!((&bob["locked"], bob["locked_at"].is_string()), (&json!(true), true), "{bob}");
    let ana = look(stage, "CORP\\ana").await;
    for fact in ["locked", "disabled", "must_change"] {
        assert_eq!(ana[fact], false, "{ana}");
    }
    assert_eq!((&ana["account_ends"], &ana["machines"]), (&Value::Null, &json!(["WS-0001"])), "{ana}");
    assert!(ana["password_ends"].is_string(), "{ana}");
    assert_eq!(look(stage, "dave@corp.test").await["disabled"], true);
    assert_eq!(look(stage, "fay.silva@corp.test").await["must_change"], true);
    for (name, says) in [
        ("carol", "password              ended on"),
        ("erin", "account               ended on"),
        ("gus", "password              ends on"),
    ] {
        let said = stage.firstline(&["directory", "look", name]).await.done();
        assert!(said.stdout.contains(says), "{name}: {}", said.stdout);
    }
}

async fn refuses_to_guess(stage: &Stage) {
    for (name, says) in
        [("team@corp.test", "ivy"), ("nobody", "no account"), ("b*", "no account"), ("x)(cn=*", "no account")]
    {
        let said = stage.firstline(&["directory", "look", name]).await.ended_with(1);
        assert!(said.stderr.contains(says), "{name}: {}", said.stderr);
    }
}

async fn says_whose_machine_it_is(stage: &Stage) {
    let _machine = stage.identity("ws-0001").await;
    let order = json!({ "requester": { "email": "ana.silva@corp.test" }, "subject": "Slow" });
    let ticket = stage.api.post("/api/v1/tickets", &order).await["number"].as_str().expect("a number").to_owned();
    let found = stage.api.get(&format!("/api/v1/tickets/{ticket}/suggestions")).await;
    let first = &found["suggestions"][0];
    assert_eq!(first["endpoint"]["name"], "ws-0001", "{found}");
    assert_eq!(first["reason"], "The directory says that it is the requester's.", "{found}");
}

async fn is_the_answer_where_it_should_be(stage: &Stage, directory: &mut ActiveDirectory) {
    let (_agent, id) = stage.agent_online("agent").await;
    let primary = |diagnosis: &Value| {
        diagnosis["findings"].as_array().and_then(|all| all.iter().find(|one| one["role"] == "primary").cloned())
    };
    for (who, check, words) in [
        ("bob", "account-locked", "locked"),
        ("dave", "account-disabled", "disabled"),
        ("erin", "account-disabled", "has ended"),
        ("carol", "password-expired", "expired"),
        ("fay", "password-expired", "next sign-in"),
    ] {
        let diagnosis = diagnosed(stage, "I cannot sign in", &format!("{who}.silva@corp.test"), &id).await;
        let found = primary(&diagnosis).unwrap_or_else(|| panic!("{who}: no answer in {diagnosis}"));
        assert_eq!(found["id"], check, "{who}: {diagnosis}");
        assert!(found["texts"]["tech"].as_str().is_some_and(|text| text.contains(words)), "{who}: {found}");
        let has = |part: &str| found[part].as_array().is_some_and(|all| !all.is_empty());
        assert!(has("evidence") && has("runbook"), "{who}: {found}");
    }
    let soon = diagnosed(stage, "I cannot sign in", "gus.silva@corp.test", &id).await;
    assert_eq!(finding(&soon, "password-expired").expect("found")["severity"], "low", "{soon}");
    let slow = diagnosed(stage, "My computer is very slow", "bob.silva@corp.test", &id).await;
    assert!(primary(&slow).is_none_or(|found| found["id"] != "account-locked"), "{slow}");

    directory.kill();
    let away = diagnosed(stage, "I cannot sign in", "bob.silva@corp.test", &id).await;
    assert!(finding(&away, "account-locked").is_none(), "{away}");
    let notes = away["notes"].as_array().expect("a list");
    let told = notes.iter().filter_map(Value::as_str).any(|note| note.contains("could not be looked up"));
    assert!(told, "{away}");
}
