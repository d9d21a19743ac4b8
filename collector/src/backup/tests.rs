use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::app::{App, Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::store::{StoreError, sql};

/// The folder of a collector that was made and stopped, below `folder`.
async fn data(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let config = Config::default();
    App::create(&data, &config, &SystemClock).expect("made");
    fs::write(data.join(config::FILE), config::TEMPLATE).expect("written");
    fs::create_dir(data.join("checks")).expect("a folder");
    fs::write(data.join("checks/mine.toml"), "# none yet").expect("written");
    let app = App::open(&data, config, Arc::new(SystemClock)).await.expect("opened");
    app.store.close().await;
    data
}

async fn backup(data: &Path, to: &Path) -> anyhow::Result<Manifest> {
    let order = Order { data, to, without_database: false, now: SystemClock.now() };
    take(&order, &mut |_| {}).await
}

async fn put_back(from: &Path, to: &Path) -> anyhow::Result<Restored> {
    restore(from, to, &mut |_| {}).await
}

/// What an attempt to restore says; nothing is left behind by it.
async fn refusal(from: &Path, to: &Path) -> String {
    let error = put_back(from, to).await.expect_err("refused");
    assert!(!to.exists(), "something was left behind");
    format!("{error:#}")
}

#[tokio::test]
async fn both_forms_hold_every_file_and_put_back_the_same() {
    let folder = tempfile::tempdir().expect("folder");
    let data = data(folder.path()).await;
    for name in ["backup", "backup.tar"] {
        let (to, new) = (folder.path().join(name), folder.path().join(format!("{name}.new")));
        let manifest = backup(&data, &to).await.expect(name);
        let paths: Vec<&str> = manifest.files.iter().map(|entry| entry.path.as_str()).collect();
        for path in ["authority/root.key", "authority/naming.key", "checks/mine.toml", "firstline.sqlite", config::FILE]
        {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
        assert_eq!(to.is_dir(), name == "backup");
        let restored = put_back(&to, &new).await.expect(name);
        assert_eq!(restored.manifest, manifest);
        for path in paths.iter().filter(|path| **path != "firstline.sqlite") {
            assert_eq!(fs::read(data.join(path)).expect("old"), fs::read(new.join(path)).expect("new"), "{path}");
        }
        let app = App::open(&new, Config::read(&new).expect("config"), Arc::new(SystemClock)).await.expect("it opens");
        app.store.close().await;
        assert!(!folder.path().join(format!("{name}.partial")).exists());
    }
}

#[tokio::test]
async fn a_backup_takes_the_place_of_nothing_and_does_not_lie_in_the_data_folder() {
    let folder = tempfile::tempdir().expect("folder");
    let data = data(folder.path()).await;
    for name in ["kept", "kept.tar"] {
        let there = folder.path().join(name);
        fs::write(&there, "precious").expect("written");
        let error = backup(&data, &there).await.expect_err("in the way");
        assert!(error.to_string().contains("never take the place"), "{error:#}");
        assert_eq!(fs::read_to_string(&there).expect("still there"), "precious");
    }
    let error = backup(&data, &data.join("checks/backup")).await.expect_err("within");
    assert!(error.to_string().contains("outside of"), "{error:#}");
    assert!(!data.join("checks/backup").exists());
}

#[tokio::test]
async fn what_the_configuration_names_elsewhere_is_listed_and_what_is_no_backup_is_not_quoted() {
    let folder = tempfile::tempdir().expect("folder");
    let data = data(folder.path()).await;
    let text = "[[desk]]\nname = \"helpdesk\"\nurl = \"https://rt.example.com\"\ntoken_file = \"/etc/fl/rt.token\"\nca_file = \"rt.pem\"\n\
                [[output]]\nname = \"hook\"\nurl = \"https://a.example.com/x\"\nsecret_file = \"/etc/fl/hook\"\n";
    fs::write(data.join(config::FILE), text).expect("written");
    let taken = backup(&data, &folder.path().join("backup")).await.expect("taken");
    assert_eq!(taken.outside, ["/etc/fl/rt.token", "/etc/fl/hook"], "and not what lies in the folder");
    let letter = folder.path().join("letter");
    fs::write(&letter, "Dear Ada, the password is xyzzy.\n".repeat(40)).expect("written");
    let said = refusal(&letter, &folder.path().join("new")).await;
    assert!(said.contains("no backup at all") && !said.contains("xyzzy"), "{said}");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let (data, new) = (data(folder.path()).await, folder.path().join("new"));
    let (file, tree) = (folder.path().join("backup.tar"), folder.path().join("backup"));
    backup(&data, &file).await.expect("file");
    backup(&data, &tree).await.expect("folder");

    let whole = fs::read(&file).expect("read");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&file, &flipped).expect("written");
    assert!(refusal(&file, &new).await.contains("SHA-256"));
    // Without its last records, the manifest among them.
    fs::write(&file, &whole[..whole.len() / 3]).expect("written");
    assert!(refusal(&file, &new).await.contains("not a whole backup"));

    let key = tree.join("authority/root.key");
    let text = fs::read_to_string(&key).expect("read");
    fs::write(&key, format!("{text}\n")).expect("written");
    assert!(refusal(&tree, &new).await.contains("authority/root.key of the backup is damaged"));
    fs::write(&key, text).expect("written");
    fs::remove_file(tree.join("checks/mine.toml")).expect("removed");
    assert!(refusal(&tree, &new).await.contains("lacks"));
    fs::remove_file(tree.join(manifest::FILE)).expect("removed");
    assert!(refusal(&tree, &new).await.contains("not a whole backup"));
}

#[tokio::test]
async fn the_configuration_of_a_backup_may_name_another_database_and_nothing_begins_anew_after_it() {
    let folder = tempfile::tempdir().expect("folder");
    let (data, new) = (data(folder.path()).await, folder.path().join("new"));
    let tree = folder.path().join("backup");
    backup(&data, &tree).await.expect("folder");
    let changed = format!("# to another place\n{}", config::TEMPLATE);
    fs::write(tree.join(config::FILE), &changed).expect("written");
    put_back(&tree, &new).await.expect("restored");
    assert_eq!(fs::read_to_string(new.join(config::FILE)).expect("read"), changed);
    fs::write(new.join("firstline.sqlite"), "").expect("emptied");
    let opened = App::open(&new, Config::read(&new).expect("config"), Arc::new(SystemClock)).await;
    assert!(opened.is_err(), "an empty file is no beginning");
}

#[tokio::test]
async fn a_database_that_is_damaged_is_not_passed_on_as_a_backup() {
    let folder = tempfile::tempdir().expect("folder");
    let data = data(folder.path()).await;
    let database = data.join("firstline.sqlite");
    let mut bytes = fs::read(&database).expect("read");
    // All pages but the first, which says what the tables are.
    bytes[4096..].fill(0xA5);
    fs::write(&database, bytes).expect("written");
    let error = backup(&data, &folder.path().join("backup")).await.expect_err("damaged");
    let said = format!("{error:#}");
    assert!(said.contains("malformed") && said.contains("firstline-collector restore"), "{said}");
    assert!(!folder.path().join("backup").exists());
    assert!(!folder.path().join("backup.partial").exists());
}

#[tokio::test]
async fn only_an_empty_folder_is_filled() {
    let folder = tempfile::tempdir().expect("folder");
    let (data, file) = (data(folder.path()).await, folder.path().join("backup.tar"));
    backup(&data, &file).await.expect("taken");
    let error = put_back(&file, &data).await.expect_err("used");
    assert!(error.to_string().contains("holds a collector"), "{error:#}");
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("made");
    fs::write(other.join("note"), "precious").expect("written");
    assert!(put_back(&file, &other).await.expect_err("not empty").to_string().contains("not empty"));
    fs::remove_file(other.join("note")).expect("removed");
    put_back(&file, &other).await.expect("an empty folder is as good as none");
    assert!(other.join(config::FILE).exists());
}

#[tokio::test]
async fn a_backup_of_a_newer_program_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("folder");
    let (data, tree, new) = (data(folder.path()).await, folder.path().join("backup"), folder.path().join("new"));
    let app = App::open(&data, Config::default(), Arc::new(SystemClock)).await.expect("opened");
    let later = app.store.write(|tx| {
        Box::pin(async move {
            let row = "INSERT INTO schema_migrations (number, name, checksum, applied_at_ms) VALUES (9999, 'x', '', 0)";
            sql::query(row).execute(tx).await.map(drop).map_err(StoreError::from)
        })
    });
    later.await.expect("as if from the future");
    app.store.close().await;
    backup(&data, &tree).await.expect("an older program can copy it");
    assert!(refusal(&tree, &new).await.contains("newer release"));

    let path = tree.join(manifest::FILE);
    let text = fs::read_to_string(&path).expect("read").replace("\"format\": 1", "\"format\": 2");
    fs::write(&path, text).expect("written");
    assert!(refusal(&tree, &new).await.contains("restore it with that version"));
}
