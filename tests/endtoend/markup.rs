//! Text from outside that would like to be a page.

use std::time::Duration;

use firstline_tests::wire::{Stream, hello};
use firstline_tests::{Browser, Stage};
use serde_json::json;

const PAGE: Duration = Duration::from_mins(1);

/// Leaves an attribute, closes the element around it, makes elements and runs scripts, wherever it is taken for mark-up.
fn hostile(word: &str) -> String {
    format!(
        "{word}'\"></title></textarea><b class=owned></b><img src=x onerror=\"window.owned=1\"><script>window.owned=1</script>"
    )
}

/// The page shows the text as it is, and nothing of it became an element or ran.
async fn is_text(browser: &Browser, address: &str, texts: &[&str]) {
    browser.go(address).await;
    for text in texts {
        browser.shows(text, PAGE).await;
    }
    for element in [".owned", "[onerror]", "img[src='x']", "script:not([src])"] {
        assert!(!browser.has(element).await, "{address}: {element} was made of text");
    }
    let owned = browser.client.execute("return String(window.owned)", Vec::new()).await.expect("the page answers");
    assert_eq!(owned, "undefined", "{address}: a script ran");
}

#[tokio::test]
async fn names_subjects_and_requesters_are_shown_as_text_on_every_page() {
    let stage = Stage::open().await;
    let [name, subject, person, text] = ["machine", "subject", "person", "text"].map(hostile);
    let identity = stage.identity(&name).await;
    let (_stream, _) = Stream::open(stage.collector.agents, &identity, hello(&name, 1)).await.unwrap();
    stage.endpoint_is(&identity.endpoint_id, "online").await;
    let requester = json!({ "name": person, "sign_in": "sam" });
    let order = json!({ "requester": requester, "subject": subject, "text": text });
    let ticket = stage.api.post("/api/v1/tickets", &order).await["number"].as_str().unwrap().to_owned();
    let browser = Browser::open(&stage.folder(""), 1280, 900).await;
    browser
        .tell("markup", async {
            super::browser::sign_in(&browser, &stage).await;
            let page = |path: &str| format!("{}{path}", stage.collector.address());
            is_text(&browser, &page("/endpoints"), &[&name]).await;
            is_text(&browser, &page(&format!("/endpoints/{}", identity.endpoint_id)), &[&name]).await;
            is_text(&browser, &page("/tickets"), &[&subject, &person]).await;
            // The person's machine is suggested by its name.
            is_text(&browser, &page(&format!("/tickets/{ticket}")), &[&subject, &person, &name, &text]).await;
            is_text(&browser, &page("/alerts"), &[]).await;
            is_text(&browser, &page("/audit"), &[]).await;
        })
        .await;
    browser.close().await;
}
