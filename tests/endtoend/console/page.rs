//! The page that a pull puts onto a ticket, as whoever gets it by mail opens it.

use fantoccini::wd::PrintConfiguration;
use firstline_tests::{Browser, Stage, Volume, binary};
use serde_json::Value;

use super::{PAGE, fits};

/// What a page fetched or ran beside itself.
const BESIDE: &str = "return document.scripts.length + performance.getEntriesByType('resource').length";

/// Keeps a picture beside the others; with `FIRSTLINE_WRITE=1` it is the one of the documentation.
async fn keep(browser: &Browser, name: &str) {
    let picture = browser.client.screenshot().await.expect("a picture");
    let mut folders = vec![binary::folder().join("screenshots")];
    if std::env::var_os("FIRSTLINE_WRITE").is_some() {
        folders.push(binary::repository().join("docs"));
    }
    for folder in folders {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), &picture).unwrap();
    }
}

#[tokio::test]
async fn the_page_on_a_ticket_reads_from_a_file_wide_narrow_and_on_paper() {
    let stage = Stage::open().await;
    let volume = Volume::mount(&stage.folder(""), "volume", 64);
    volume.fill();
    let (mut agent, id) = stage.agent_online("agent").await;
    let ticket = stage.ticket("I cannot save my files", "sam").await;
    assert_eq!(stage.attach(&ticket, &id).await["state"], "done");
    let ticket = stage.api.get(&format!("/api/v1/tickets/{ticket}")).await;
    let is_page = |one: &&Value| one["name"] == "diagnosis.html";
    let page = ticket["attachments"].as_array().unwrap().iter().find(is_page).unwrap();
    let page = stage.api.bytes(&format!("/api/v1/attachments/{}", page["id"].as_str().unwrap())).await;
    let file = stage.folder("diagnosis.html");
    std::fs::write(&file, page).unwrap();
    for (width, name) in [(1000, "report"), (390, "report-narrow")] {
        std::fs::create_dir_all(stage.folder(name)).unwrap();
        let browser = Browser::open(&stage.folder(name), width, 1000).await;
        browser
            .tell(name, async {
                browser.go(&format!("file://{}", file.display())).await;
                for part in ["What to do", "Ruled out"] {
                    browser.shows(part, PAGE).await;
                }
                let beside = browser.client.execute(BESIDE, Vec::new()).await.unwrap();
                assert_eq!(beside.as_u64(), Some(0), "it asks nobody for anything");
                fits(&browser).await;
                keep(&browser, name).await;
                let paper = browser.client.print(PrintConfiguration::default()).await.unwrap();
                assert!(paper.starts_with(b"%PDF-") && paper.len() > 10_000, "{} bytes", paper.len());
            })
            .await;
        browser.close().await;
    }
    agent.stop().await;
}
