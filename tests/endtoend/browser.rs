//! The console, as a technician uses it.

use std::time::Duration;

use firstline_tests::collector::ADMINISTRATOR;
use firstline_tests::{Browser, Stage};

const PULL: Duration = Duration::from_mins(2);

/// Signs in as the administrator.
pub(crate) async fn sign_in(browser: &Browser, stage: &Stage) {
    browser.go(&stage.collector.address()).await;
    browser.fill("input[name=name]", ADMINISTRATOR).await;
    browser.fill("input[name=password]", &stage.collector.password).await;
    browser.click("form button.main-action").await;
    browser.find("header nav, nav").await;
}

#[tokio::test]
async fn a_technician_gets_a_diagnosis_onto_a_ticket() {
    let stage = Stage::open().await;
    let (_agent, id) = stage.agent_online("agent").await;
    let name = stage.endpoint(&id).await["name"].as_str().unwrap().to_owned();
    let number = stage.ticket("My computer is slow", "sam").await;
    let browser = Browser::open(&stage.folder(""), 1280, 900).await;
    browser
        .tell("ticket_to_diagnosis", async {
            sign_in(&browser, &stage).await;
            browser.go(&format!("{}/tickets", stage.collector.address())).await;
            browser.shows(&number, PULL).await;
            browser.click(&format!("a[href='/tickets/{number}']")).await;
            // Nobody at this machine is called sam, so that the technician names it.
            browser.fill("#pull input[name=endpoint]", &name).await;
            browser.click(&format!("form[action='/tickets/{number}/pull'] button[type=submit]")).await;
            browser.shows("Ruled out", PULL).await;
        })
        .await;
    browser.close().await;
}
