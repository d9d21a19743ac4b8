//! Files of a database that were cut, overwritten, emptied or taken away: refused with what to do, and left as they are.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::*;

/// A database with a row, closed in order; and its path.
async fn closed(folder: &Path) -> PathBuf {
    let path = folder.join("firstline.sqlite");
    let store = Store::open(&Location::Sqlite(path.clone())).await.expect("open");
    endpoint(&store, 7).await.expect("a row");
    store.close().await;
    path
}

/// What is said when the database cannot be begun with; its files are as they were.
async fn refused(path: &Path) -> String {
    let before = fs::read(path).unwrap_or_default();
    let said = Store::open(&Location::Sqlite(path.to_owned())).await.expect_err("refused").to_string();
    assert!(fs::read(path).unwrap_or_default() == before, "it was written to");
    assert!(said.contains("firstline-collector restore"), "{said}");
    said
}

#[tokio::test]
async fn a_database_that_was_cut_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = closed(folder.path()).await;
    let length = fs::metadata(&path).expect("there").len();
    for kept in [length / 2, length - 4096, 100] {
        fs::File::options().write(true).open(&path).and_then(|file| file.set_len(kept)).expect("cut");
        assert!(refused(&path).await.contains("damaged"), "{kept} bytes");
    }
}

#[tokio::test]
async fn a_database_with_a_page_of_zeros_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = closed(folder.path()).await;
    let root: i64 = {
        let reads = Location::Sqlite(path.clone()).looks().await.expect("opened");
        let root = "SELECT rootpage FROM sqlite_master WHERE name = 'endpoints'";
        sql::query_scalar(root).fetch_one(&reads).await.expect("a page")
    };
    let whole = fs::read(&path).expect("read");
    for page in [root.unsigned_abs(), 1] {
        fs::write(&path, &whole).expect("written");
        let mut file = fs::File::options().write(true).open(&path).expect("there");
        file.seek(SeekFrom::Start((page - 1) * 4096)).expect("within");
        file.write_all(&[0; 4096]).expect("overwritten");
        assert!(refused(&path).await.contains("damaged"), "page {page}");
    }
}

#[tokio::test]
async fn nothing_is_begun_with_where_something_was() {
    let folder = tempfile::tempdir().expect("folder");
    let path = closed(folder.path()).await;
    fs::write(&path, "").expect("emptied");
    assert!(refused(&path).await.contains("missing or empty"));
    fs::remove_file(&path).expect("removed");
    assert!(refused(&path).await.contains("missing or empty"));
    assert!(!path.exists(), "nothing was made in its place");
}

/// Files of a collector that was killed, taken to another folder.
fn taken(from: &Path, to: &Path, names: &[&str]) -> PathBuf {
    fs::create_dir(to).expect("a folder");
    for name in names {
        fs::copy(from.join(name), to.join(name)).expect("copied");
    }
    to.join("firstline.sqlite")
}

#[tokio::test]
async fn a_database_without_the_log_of_a_killed_collector_is_refused_until_somebody_says_otherwise() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("firstline.sqlite");
    let store = Store::open(&Location::Sqlite(path.clone())).await.expect("open");
    endpoint(&store, 7).await.expect("a row");
    let all = ["firstline.sqlite", "firstline.sqlite-wal", "firstline.lock"];
    let whole = taken(folder.path(), &folder.path().join("whole"), &all);
    let without = taken(folder.path(), &folder.path().join("without"), &[all[0], all[2]]);
    store.close().await;

    let opened = Store::open(&Location::Sqlite(whole)).await.expect("the log is there");
    let rows: i64 = sql::query_scalar("SELECT COUNT(*) FROM endpoints").fetch_one(opened.reads()).await.expect("rows");
    assert_eq!(rows, 1, "what was committed last is there");
    opened.close().await;
    let said = refused(&without).await;
    assert!(said.contains("firstline.sqlite-wal is missing") && said.contains("remove"), "{said}");
    fs::remove_file(without.with_extension("lock")).expect("removed");
    let older = Store::open(&Location::Sqlite(without)).await.expect("as somebody has decided");
    older.close().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_told_with_whose_it_should_be() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("firstline.sqlite");
    fs::create_dir(&path).expect("something that nobody can open as a file");
    let said = Store::open(&Location::Sqlite(path)).await.expect_err("refused").to_string();
    assert!(said.contains("the account which runs the collector") && said.contains("doctor"), "{said}");
}
