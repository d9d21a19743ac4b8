//! Seeds, and everything that was ever found, once more.

use std::fs;
use std::path::{Path, PathBuf};

use firstline_fuzz::{TARGETS, seeds, target};

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

fn files(kind: &str, target: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder(kind, target)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_seed_and_everything_that_was_found_comes_to_an_end() {
    for (name, run) in TARGETS {
        let seeds = files("seeds", name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for file in seeds.into_iter().chain(files("found", name)) {
            println!("{}", file.display());
            run(&fs::read(file).expect("a file"));
        }
    }
    assert!(target("nothing").is_none());
}

#[test]
fn seeds_are_what_the_encoders_make() {
    for (target, name, bytes) in seeds::encoded() {
        let path = folder("seeds", target).join(name);
        if std::env::var_os("FIRSTLINE_WRITE").is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, &bytes).expect("written");
        }
        let kept = fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{} is out of date; FIRSTLINE_WRITE=1 writes it", path.display());
    }
}
