//! The console's pages, as people use them in a real browser.

mod account;
mod incidents;
mod machines;
mod page;
mod tickets;

use std::time::Duration;

use firstline_tests::{Browser, Stage};

/// How long a page may take to show something on a busy machine.
const PAGE: Duration = Duration::from_mins(1);

/// Goes to a page of the stage's collector.
async fn go(browser: &Browser, stage: &Stage, path: &str) {
    browser.go(&format!("{}{path}", stage.collector.address())).await;
}

/// A browser in which the administrator is signed in; its profile lies beside the stage's things.
async fn browser(stage: &Stage, width: u32) -> Browser {
    let browser = Browser::open(&stage.folder(""), width, 900).await;
    crate::browser::sign_in(&browser, stage).await;
    browser
}

/// Nothing on the page reaches beyond its right edge.
async fn fits(browser: &Browser) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let beyond = browser.client.execute(script, Vec::new()).await.expect("the page answers");
    let address = browser.client.current_url().await.expect("a page");
    assert_eq!(beyond.as_i64(), Some(0), "{address} is wider than the window");
}
