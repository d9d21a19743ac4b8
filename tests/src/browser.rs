//! A real browser, driven through WebDriver.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::{Process, binary, wait};

/// Chromium as root refuses to start without a few of these, and calls its vendor without the others.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// How long a page may take on a busy machine.
const PAGE: Duration = Duration::from_mins(1);

/// What the driver says when it listens, before the port that it chose.
const LISTENS: &str = "started successfully on port ";

/// Starts a driver on a port of its own choice.
async fn driver(folder: &Path) -> (Process, u16) {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").arg("--allowed-ips=127.0.0.1");
    let driver = Process::start("chromedriver", command, &folder.join("chromedriver.log"));
    let port = wait::until("chromedriver to listen", PAGE, async || {
        let log = driver.log();
        let (port, _) = log.split_once(LISTENS)?.1.split_once(|c: char| !c.is_ascii_digit())?;
        port.parse().ok()
    })
    .await;
    (driver, port)
}

/// A browser window. Certificates of the collector under test are accepted.
#[derive(Debug)]
pub struct Browser {
    /// The WebDriver session, for what the methods below do not offer.
    pub client: Client,
    // Dropped after the session: ends the driver, and with it the browser.
    _driver: Process,
}

impl Browser {
    /// Opens a window of `width` x `height`, with its profile and log under `folder`.
    pub async fn open(folder: &Path, width: u32, height: u32) -> Self {
        let (driver, port) = driver(folder).await;
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
        arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
        arguments.push(format!("--window-size={width},{height}"));
        let mut wishes = Capabilities::new();
        wishes.insert("acceptInsecureCerts".to_owned(), json!(true));
        wishes.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        wishes.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wishes);
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("a browser session");
        Self { client, _driver: driver }
    }

    /// Runs `story`; when it fails, keeps a picture of the page under `target/screenshots` and says where.
    pub async fn tell<F: Future<Output = ()>>(&self, name: &str, story: F) {
        let Err(panic) = AssertUnwindSafe(story).catch_unwind().await else { return };
        let folder = binary::folder().join("screenshots");
        std::fs::create_dir_all(&folder).ok();
        let path = folder.join(format!("{name}.png"));
        if let Ok(picture) = self.client.screenshot().await {
            std::fs::write(&path, picture).ok();
            eprintln!("the page when it failed: {}", path.display());
        }
        if let (Ok(url), Ok(text)) = (self.client.current_url().await, self.text().await) {
            eprintln!("--- {url} ---\n{text}\n---");
        }
        resume_unwind(panic);
    }

    /// Goes to `url`.
    pub async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url} does not open: {error}"));
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Element {
        let what = format!("an element {css}");
        wait::until(&what, PAGE, async || self.client.find(Locator::Css(css)).await.ok()).await
    }

    /// Whether the element is there now.
    pub async fn has(&self, css: &str) -> bool {
        self.client.find(Locator::Css(css)).await.is_ok()
    }

    /// Types `text` into the field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.ok();
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{css} takes no text: {error}"));
    }

    /// Clicks, and tries again while the page is being redrawn.
    pub async fn click(&self, css: &str) {
        let what = format!("a click on {css}");
        wait::for_condition(&what, PAGE, async || match self.client.find(Locator::Css(css)).await {
            Ok(element) => element.click().await.is_ok(),
            Err(_) => false,
        })
        .await;
    }

    /// The text of the page, as a person reads it.
    pub async fn text(&self) -> Result<String, fantoccini::error::CmdError> {
        self.client.find(Locator::Css("body")).await?.text().await
    }

    /// Waits until the page shows `text`.
    pub async fn shows(&self, text: &str, within: Duration) {
        let what = format!("the page to show {text:?}");
        wait::for_condition(&what, within, async || self.text().await.is_ok_and(|page| page.contains(text))).await;
    }

    /// Waits until the page no longer shows `text`.
    pub async fn hides(&self, text: &str, within: Duration) {
        let what = format!("the page to stop showing {text:?}");
        wait::for_condition(&what, within, async || self.text().await.is_ok_and(|page| !page.contains(text))).await;
    }

    /// Ends the session politely.
    pub async fn close(self) {
        self.client.clone().close().await.ok();
    }
}
