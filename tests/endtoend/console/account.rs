//! A person and their own account.

use firstline_tests::collector::ADMINISTRATOR;
use firstline_tests::{Browser, Stage};

use super::{PAGE, browser, fits, go};

const NEW: &str = "four words and a number 4";

async fn change(browser: &Browser, old: &str, new: &str, again: &str) {
    browser.fill("#old", old).await;
    browser.fill("#new", new).await;
    browser.fill("#again", again).await;
    browser.click("form[action='/me/password'] button").await;
}

#[tokio::test]
async fn people_change_their_own_password_and_are_signed_out_elsewhere() {
    let stage = Stage::open().await;
    let browser = browser(&stage, 390).await;
    browser
        .tell("own_password", async {
            browser.click("header a[href='/me']").await;
            browser.shows("Change your password", PAGE).await;
            fits(&browser).await;
            change(&browser, "not my password at all", NEW, NEW).await;
            browser.shows("The old password is wrong. Nothing was changed.", PAGE).await;
            change(&browser, &stage.collector.password, NEW, "four words and a number 5").await;
            browser.shows("was not typed the same twice", PAGE).await;
            let (status, _) = stage.api.try_get("/api/v1/me").await;
            assert_eq!(status, 200, "whoever is signed in elsewhere stays so");
            change(&browser, &stage.collector.password, NEW, NEW).await;
            browser.shows("Your password is changed.", PAGE).await;
            let (status, _) = stage.api.try_get("/api/v1/me").await;
            assert_eq!(status, 401, "the other session has ended");
            browser.click("form[action='/sign-out'] button").await;
            browser.fill("input[name=name]", ADMINISTRATOR).await;
            browser.fill("input[name=password]", NEW).await;
            browser.click("form button.main-action").await;
            go(&browser, &stage, "/audit").await;
            browser.shows("account.password", PAGE).await;
        })
        .await;
    browser.close().await;
}
