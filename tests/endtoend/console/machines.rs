//! One machine listed twice, machines of one name, tags, and what a machine has.

use firstline_proto::v1;
use firstline_tests::stage::secret_of;
use firstline_tests::wire::{Identity, machine};
use firstline_tests::{Stage, wait};
use serde_json::json;

use super::{PAGE, browser, fits, go};

/// A machine with this serial number.
fn with_serial(name: &str, serial: &str) -> v1::Machine {
    let hardware = [("serial".to_owned(), serial.to_owned())].into();
    v1::Machine { hardware, ..machine(name) }
}

async fn enrolled(stage: &Stage, machine: v1::Machine) -> Identity {
    let token = stage.token(json!({ "uses": 1 })).await;
    Identity::enroll_machine(stage.collector.agents, secret_of(&token), machine).await.expect("a good token enrols")
}

#[tokio::test]
async fn a_machine_that_enrolled_again_is_merged_after_a_look_at_both() {
    let stage = Stage::open().await;
    let before = enrolled(&stage, with_serial("BER-7", "hash-of-a-serial")).await;
    let now = enrolled(&stage, with_serial("BER-7-NEW", "hash-of-a-serial")).await;
    let browser = browser(&stage, 1280).await;
    browser
        .tell("duplicates", async {
            go(&browser, &stage, "/endpoints").await;
            browser.shows("1 machine was enrolled again and is listed twice", PAGE).await;
            browser.click("a[href='/duplicates']").await;
            for said in ["the serial number", "BER-7-NEW", "Debian GNU/Linux 12", "That cannot be undone"] {
                browser.shows(said, PAGE).await;
            }
            fits(&browser).await;
            browser.click("section.pair button.main-action").await;
            browser.shows("Merged: BER-7-NEW.", PAGE).await;
            browser.shows("No two endpoints show the same firmware.", PAGE).await;
            assert_eq!(stage.endpoint_ids().await, std::slice::from_ref(&now.endpoint_id));
            // An old link still leads to the machine.
            go(&browser, &stage, &format!("/endpoints/{}", before.endpoint_id)).await;
            browser.shows("BER-7-NEW", PAGE).await;
        })
        .await;
    browser.close().await;
}

#[tokio::test]
async fn machines_of_one_name_are_told_apart_and_found_by_what_is_shown() {
    let stage = Stage::open().await;
    let one = enrolled(&stage, machine("laptop")).await;
    let other = enrolled(&stage, machine("laptop")).await;
    enrolled(&stage, machine("desktop")).await;
    let end = |identity: &Identity| identity.endpoint_id[identity.endpoint_id.len() - 8..].to_owned();
    let browser = browser(&stage, 390).await;
    browser
        .tell("one_name", async {
            go(&browser, &stage, "/endpoints").await;
            for identity in [&one, &other] {
                browser.shows(&format!("laptop …{}", end(identity)), PAGE).await;
            }
            fits(&browser).await;
            assert!(!browser.text().await.unwrap().contains("desktop …"), "a name of its own needs nothing more");
            browser.fill("#search", &end(&one)).await;
            browser.click("form[role=search] button").await;
            browser.hides(&end(&other), PAGE).await;
            browser.shows(&end(&one), PAGE).await;
        })
        .await;
    browser.close().await;
}

#[tokio::test]
async fn a_tag_is_set_and_removed_on_the_page_of_its_machine_and_finds_it_in_the_list() {
    let stage = Stage::open().await;
    let id = enrolled(&stage, machine("BER-7")).await.endpoint_id;
    let browser = browser(&stage, 1280).await;
    browser
        .tell("tags", async {
            go(&browser, &stage, &format!("/endpoints/{id}")).await;
            browser.click("a[href='#tags']").await;
            browser.fill("#set-tags", "site=berlin, ring=1").await;
            browser.click("#tags form.filters button").await;
            browser.shows("set by admin", PAGE).await;
            browser.click("button[aria-label='Remove ring=1']").await;
            browser.hides("ring=1", PAGE).await;
            browser.click("h1 + .about a.tag").await;
            browser.shows("BER-7", PAGE).await;
            assert_eq!(stage.endpoint(&id).await["tags"], json!({ "site": "berlin" }));
            go(&browser, &stage, &format!("/endpoints/{id}")).await;
            browser.click("#tags summary").await;
            browser.fill("#set-tags", "berlin").await;
            browser.click("#tags form.filters button").await;
            browser.shows("is no tag; write it like site=berlin", PAGE).await;
        })
        .await;
    browser.close().await;
}

#[tokio::test]
async fn what_a_machine_has_is_looked_through_and_before_it_was_known_there_was_nothing() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let items = async || stage.api.get(&format!("/api/v1/endpoints/{id}/inventory")).await["items"].clone();
    wait::for_condition("the machine to tell what it is", PAGE * 3, async || {
        items().await.as_array().is_some_and(|items| items.len() > 5)
    })
    .await;
    let browser = browser(&stage, 390).await;
    browser
        .tell("inventory", async {
            go(&browser, &stage, &format!("/endpoints/{id}")).await;
            browser.click(&format!("a[href='/endpoints/{id}/inventory']")).await;
            browser.shows("What there is", PAGE).await;
            browser.shows("Hardware", PAGE).await;
            fits(&browser).await;
            browser.fill("#search", "nothing-is-called-that").await;
            browser.hides("Hardware", PAGE).await;
            go(&browser, &stage, &format!("/endpoints/{id}/inventory?at=2020-01-01T00:00")).await;
            browser.shows("Nothing is known from before", PAGE).await;
            go(&browser, &stage, &format!("/endpoints/{id}/inventory?at=yesterday")).await;
            browser.shows("is no date and time; write it like", PAGE).await;
        })
        .await;
    browser.close().await;
    agent.stop().await;
}
