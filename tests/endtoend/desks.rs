//! From a ticket in Request Tracker to the diagnosis on it, and from an alert to its ticket there. Two stories, since each takes a
//! Request Tracker of its own: an alert mostly waits, for what holds to have held for long enough.

use std::time::{Duration, Instant};

use firstline_tests::request_tracker::Stored;
use firstline_tests::{LostReply, RequestTracker, Stage, Volume, wait};
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// How long something may take to arrive there, on a busy machine.
const ARRIVES: Duration = Duration::from_mins(3);

/// What the collector is told: the desk by a relay, and the same with a token that may only look.
fn configuration(tracker: &RequestTracker, relay: u16) -> String {
    let desk = |name: &str, port: u16, user: &str, more: &str| {
        let token = tracker.token(user);
        format!(
            "[[desk]]\nname = \"{name}\"\nkind = \"request-tracker\"\nurl = \"http://127.0.0.1:{port}\"\n\
             token_file = \"{}\"\n{more}\n",
            token.display()
        )
    };
    let more = "queues = [\"Workstations\"]\npoll_seconds = 5\ndevice_field = \"Agent ID\"\ncategory_field = \"Category\"\n\
                states = { pending = \"bogus\" }\npriorities = { P1 = \"90\" }\ncategories = { Storage = \"Disk\" }";
    let seen = "queues = []\n";
    desk("helpdesk", relay, "firstline", more) + &desk("looks-only", tracker.port, "looker", seen)
}

/// Files of a transaction.
fn files<'a>(all: &'a [Stored], transaction: &str) -> Vec<&'a Stored> {
    all.iter().filter(|one| one.transaction == transaction && !one.name.is_empty()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The page here of a ticket there, once it came in.
async fn page_of(stage: &Stage, number: &str) -> String {
    let what = format!("ticket {number} to come in");
    wait::until(&what, ARRIVES, async || {
        let list = stage.api.get("/api/v1/tickets").await;
        let found = list["tickets"].as_array()?.iter().find(|one| one["outside"]["number"] == number)?;
        found["number"].as_str().map(str::to_owned)
    })
    .await
}

/// Waits until nothing is on its way any more.
async fn delivered(stage: &Stage) -> Vec<Value> {
    wait::until("everything to be delivered", ARRIVES, async || {
        let list = stage.api.get("/api/v1/outbox?limit=500").await;
        let all = list["deliveries"].as_array()?.clone();
        let under_way = |one: &Value| one["state"] == "waiting" || one["state"] == "sending";
        (!all.iter().any(under_way)).then_some(all)
    })
    .await
}

async fn note(stage: &Stage, ticket: &str, text: &str) {
    stage.api.post(&format!("/api/v1/tickets/{ticket}/notes"), &json!({ "text": text })).await;
}

#[tokio::test]
async fn a_ticket_at_request_tracker_gets_its_diagnosis_once_whatever_happens() {
    let mut watch = Watch(Instant::now());
    let mut tracker = RequestTracker::start().await;
    watch.part("Request Tracker starts");
    let relay = LostReply::before(tracker.port).await;
    let mut stage = Stage::open_with(&configuration(&tracker, relay.port)).await;
    let (_agent, id) = stage.agent_online("agent").await;
    is_looked_at(&stage).await;
    watch.part("everything else starts");

    comes_in_and_is_diagnosed(&stage, &tracker, &id).await;
    watch.part("a ticket comes in");
    asks_when_it_is_not_clear(&stage, &tracker).await;
    watch.part("one is not clear");
    writes_once_when_answers_are_lost(&mut stage, &mut tracker, &relay).await;
    watch.part("answers are lost");
    tells_what_is_refused_with_success(&stage, &tracker).await;
    watch.part("a change is refused");
    follows_a_merged_ticket(&stage, &tracker).await;
    watch.part("a ticket is merged");
    is_tried_out_and_says_what_is_missing(&stage, &mut tracker).await;
    watch.part("it is tried out");
}

#[tokio::test]
async fn an_alert_opens_one_ticket_at_request_tracker_and_resolves_it() {
    let mut watch = Watch(Instant::now());
    let tracker = RequestTracker::start().await;
    watch.part("Request Tracker starts");
    let relay = LostReply::before(tracker.port).await;
    let alerts = "[[alerts.tickets]]\ndesk = \"helpdesk\"\nleast_severity = \"medium\"\nafter_seconds = 0\nwhen_over = \"resolve\"\n";
    let mut stage = Stage::open_with(&(configuration(&tracker, relay.port) + alerts)).await;
    let volume = Volume::mount(&stage.folder(""), "volume", 64);
    is_looked_at(&stage).await;
    relay.hold("2.0/ticket HTTP");
    volume.fill();
    let (_agent, _) = stage.agent_online("agent").await;
    watch.part("everything else starts");
    opens_one_ticket_for_an_alert(&mut stage, &tracker, &relay).await;
    watch.part("an alert opens one");
    resolves_it_when_the_alert_is_over(&stage, &tracker, &volume).await;
    watch.part("it is over");
}

/// Waits until it is known what was there before.
async fn is_looked_at(stage: &Stage) {
    wait::for_condition("the queue to be looked at", ARRIVES, async || {
        stage.api.get("/api/v1/desks").await["desks"][0]["looked_at"].is_string()
    })
    .await;
}

/// Says how long each part took: one that gets slow is seen before it is too slow.
struct Watch(Instant);

impl Watch {
    fn part(&mut self, what: &str) {
        println!("{:5.1} s: {what}", self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}

async fn comes_in_and_is_diagnosed(stage: &Stage, tracker: &RequestTracker, endpoint: &str) {
    let opened = Instant::now();
    let order = json!({
        "Queue": "Workstations", "Subject": "My computer is slow", "Requestor": "sam@corp.test",
        "Content": "<p>Since 10:40 \u{2013} very <b>slow</b>.</p>", "ContentType": "text/html",
        "CustomFields": { "Agent ID": endpoint },
    });
    let there = tracker.send(Method::POST, "/ticket", &order).await["id"].as_str().expect("an id").to_owned();
    let here = page_of(stage, &there).await;
    let noted = async || tracker.has_subject(&there, "[firstline ").await;
    wait::for_condition("the diagnosis to be there", ARRIVES, noted).await;
    println!("ticket opened, diagnosis on it after {:.1} s", opened.elapsed().as_secs_f64());
    let ticket = stage.api.get(&format!("/api/v1/tickets/{here}")).await;
    assert_eq!(ticket["endpoint"]["id"], endpoint, "{ticket}");
    assert_eq!(ticket["text"], "Since 10:40 \u{2013} very slow.", "what the person said, as text");
    assert_eq!(ticket["desk"], "helpdesk");
    let all = tracker.attachments(&there).await;
    let head = all.iter().find(|one| one.subject.contains("[firstline ")).expect("the note");
    assert_eq!(files(&all, &head.transaction).len(), 2);
    let own = ticket["attachments"].as_array().expect("attachments");
    for file in files(&all, &head.transaction) {
        let same = own.iter().find(|one| one["name"] == file.name.as_str()).unwrap_or_else(|| panic!("{}", file.name));
        assert_eq!(same["sha256"], sha256(&file.bytes).as_str(), "{} is there as it was sent", file.name);
    }
    let history = tracker.get(&format!("/ticket/{there}/history?fields=Type,Creator&per_page=100")).await;
    let written =
        history["items"].as_array().expect("a list").iter().find(|one| one["id"] == head.transaction.as_str());
    assert_eq!(written.expect("the note")["Type"], "Comment", "private: {history}");
    let text =
        all.iter().find(|one| one.transaction == head.transaction && one.subject.is_empty() && one.name.is_empty());
    let text = String::from_utf8_lossy(&text.expect("the note's text").bytes).into_owned();
    assert!(text.contains("<p><strong>"), "rendered: {text}");
    assert!(text.contains("Why this computer: The field for the device at helpdesk names"), "{text}");
}

async fn asks_when_it_is_not_clear(stage: &Stage, tracker: &RequestTracker) {
    tracker.mail("nobody@corp.test", "It does not work", "Nothing works.").await;
    let found = wait::until("the mail to be a ticket", ARRIVES, async || {
        let list = tracker.get("/tickets?query=Subject='It does not work'").await;
        list["items"][0]["id"].as_str().map(str::to_owned)
    });
    let there = found.await;
    let here = page_of(stage, &there).await;
    let asked = async || tracker.has_subject(&there, "[firstline ").await;
    wait::for_condition("the question", ARRIVES, asked).await;
    assert_eq!(tracker.count(&there, "It is not clear which computer this ticket is about.").await, 1);
    let ticket = stage.api.get(&format!("/api/v1/tickets/{here}")).await;
    assert!(ticket["endpoint"].is_null(), "{ticket}");
    assert_eq!(ticket["requester"]["email"], "nobody@corp.test");
}

async fn writes_once_when_answers_are_lost(stage: &mut Stage, tracker: &mut RequestTracker, relay: &LostReply) {
    let there = "1";
    let here = page_of(stage, there).await;
    relay.lose("/comment");
    note(stage, &here, "The answer to this was lost.").await;
    relay.took(1, ARRIVES).await;
    delivered(stage).await;
    assert_eq!(tracker.count(there, "The answer to this was lost.").await, 1);

    relay.hold("/comment");
    note(stage, &here, "The collector died here.").await;
    relay.took(2, ARRIVES).await;
    stage.collector.kill();
    stage.collector.start().await;
    let all = delivered(stage).await;
    assert_eq!(tracker.count(there, "The collector died here.").await, 1, "{all:?}");

    relay.hold("/comment");
    note(stage, &here, "Request Tracker died here.").await;
    relay.took(3, ARRIVES).await;
    tracker.kill();
    stage.collector.kill();
    stage.collector.start().await;
    wait::for_condition("the desk to be seen as away", ARRIVES, async || {
        let desks = stage.api.get("/api/v1/desks").await;
        desks["desks"][0]["waiting"] == 1 && desks["desks"][0]["trouble"] != ""
    })
    .await;
    tracker.go().await;
    let id = stage.api.get("/api/v1/outbox?state=waiting").await["deliveries"][0]["id"].as_str().map(str::to_owned);
    if let Some(id) = id {
        stage.api.post(&format!("/api/v1/outbox/{id}/retry"), &json!({})).await;
    }
    delivered(stage).await;
    assert_eq!(tracker.count(there, "Request Tracker died here.").await, 1);
}

async fn tells_what_is_refused_with_success(stage: &Stage, tracker: &RequestTracker) {
    let here = page_of(stage, "1").await;
    let path = format!("/api/v1/tickets/{here}");
    stage.api.post(&path, &json!({ "state": "pending" })).await;
    let failed = wait::until("the refusal", ARRIVES, async || {
        let list = stage.api.get("/api/v1/outbox?state=failed").await;
        list["deliveries"][0]["said"].as_str().map(str::to_owned)
    });
    let said = failed.await;
    assert!(said.contains("isn't a valid status for this ticket"), "in its own words: {said}");
    stage.api.post(&path, &json!({ "category": "Storage/Capacity", "impact": "I1", "urgency": "U1" })).await;
    delivered(stage).await;
    let ticket = tracker.get("/ticket/1").await;
    assert_eq!(ticket["Priority"], "90", "{ticket}");
    let fields = ticket["CustomFields"].as_array().expect("fields");
    assert!(fields.iter().any(|field| field["name"] == "Category" && field["values"][0] == "Disk"), "{ticket}");
}

async fn follows_a_merged_ticket(stage: &Stage, tracker: &RequestTracker) {
    let here = page_of(stage, "1").await;
    let order = json!({ "Queue": "Workstations", "Subject": "The same again", "Requestor": "sam@corp.test" });
    let other = tracker.send(Method::POST, "/ticket", &order).await["id"].as_str().expect("an id").to_owned();
    tracker.send(Method::PUT, "/ticket/1", &json!({ "MergeInto": other })).await;
    note(stage, &here, "After the merger.").await;
    delivered(stage).await;
    assert_eq!(tracker.count(&other, "After the merger.").await, 1);
}

/// The tickets of the alert, as they are there.
async fn of_alerts(tracker: &RequestTracker) -> Vec<Value> {
    let list = tracker.get("/tickets?query=Subject LIKE 'volume'&fields=Subject,Status").await;
    list["items"].as_array().cloned().unwrap_or_default()
}

async fn opens_one_ticket_for_an_alert(stage: &mut Stage, tracker: &RequestTracker, relay: &LostReply) {
    // The order to open it is carried out, and whoever gave it dies before the answer.
    relay.took(1, ARRIVES).await;
    stage.collector.kill();
    stage.collector.start().await;
    wait::for_condition("the alert's ticket", ARRIVES, async || of_alerts(tracker).await.len() == 1).await;
    delivered(stage).await;
    let opened = of_alerts(tracker).await;
    assert_eq!(opened.len(), 1, "{opened:?}");
    let there = opened[0]["id"].as_str().expect("an id");
    let here = page_of(stage, there).await;
    let diagnosed = async || tracker.has_subject(there, &format!("{here} [firstline ")).await;
    wait::for_condition("its diagnosis", ARRIVES, diagnosed).await;
    let list = stage.api.get("/api/v1/alerts?open=true").await;
    let alert = list["alerts"][0]["id"].as_str().expect("an alert");
    let detail = stage.api.get(&format!("/api/v1/alerts/{alert}")).await;
    assert_eq!(detail["tickets"], json!([here]), "{detail}");
}

async fn resolves_it_when_the_alert_is_over(stage: &Stage, tracker: &RequestTracker, volume: &Volume) {
    let there = of_alerts(tracker).await[0]["id"].as_str().expect("an id").to_owned();
    volume.free();
    wait::for_condition("the ticket to be resolved", ARRIVES, async || {
        tracker.get(&format!("/ticket/{there}")).await["Status"] == "resolved"
    })
    .await;
    delivered(stage).await;
    assert_eq!(tracker.count(&there, "It is over.").await, 1);
    assert_eq!(of_alerts(tracker).await.len(), 1);
}

async fn is_tried_out_and_says_what_is_missing(stage: &Stage, tracker: &mut RequestTracker) {
    stage.sign_in().await.done();
    let good = stage.firstline(&["desk", "test", "helpdesk"]).await.done();
    for step in ["verify", "open", "find", "note", "attach", "resolve"] {
        let line = good.stdout.lines().find(|line| line.contains(step)).unwrap_or_else(|| panic!("{}", good.stdout));
        assert!(line.starts_with("done"), "{line}");
    }
    let words = stage.firstline(&["desk", "show", "helpdesk"]).await.done();
    for line in [
        "queues      (new tickets)  Workstations  yes",
        "states      pending        bogus         not told",
        "queues there: ",
        "states there: the desk does not tell them",
    ] {
        assert!(words.stdout.contains(line), "{line}: {}", words.stdout);
    }
    let poor = stage.firstline(&["desk", "test", "looks-only", "--ticket", "1"]).await;
    assert!(poor.stdout.contains("needs the right CommentOnTicket on its queue"), "{}", poor.stdout);
    let list = stage.firstline(&["outbox", "list", "--state", "done"]).await.done();
    assert!(list.stdout.contains("helpdesk"), "{}", list.stdout);

    tracker.kill();
    tracker.configure("Set($TruncateLongAttachments, 1);\nSet($MaxAttachmentSize, 60000);");
    tracker.go().await;
    let cut = stage.firstline(&["desk", "test", "helpdesk"]).await;
    assert!(cut.stdout.contains("FAILED  attach   only 60000 of"), "{}", cut.stdout);
}
