use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use firstline_diagnosis::registry::Registry;
use tokio::sync::watch;

use super::*;
use crate::probe::Pseudonyms;
use crate::settings::Settings;

fn machine(root: &Path) -> Context {
    let (_, settings) = watch::channel(Settings::default());
    Context { root: root.to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) }
}

/// A process that waits for what the test never says, and ends with it.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_with_a_hostile_name_is_told_in_plain_letters() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let program = dir.path().join(OsStr::from_bytes(b"x) S 1 (\n\x1b[2J\xff\xfe"));
    fs::copy("/bin/cat", &program).expect("copied");
    let waiting = Command::new(&program).arg0("y".repeat(10_000)).stdin(Stdio::piped()).spawn().expect("started");
    let waiting = Waiting(waiting);
    let mut groups = Groups::default();
    look(&machine(Path::new("/")), &mut groups).expect("listed");
    let group = groups.processes().find(|(pid, ..)| *pid == waiting.0.id()).map(|(_, _, group)| group.to_owned());
    assert_eq!(group.as_deref(), Some("x) S 1 ([2J\u{fffd}\u{fffd}"));
}

#[test]
fn five_thousand_processes_are_as_many_readings_as_fifty() {
    let dir = tempfile::tempdir().expect("temporary directory");
    for pid in 1..=5000_u32 {
        let process = dir.path().join(format!("proc/{pid}"));
        fs::create_dir_all(&process).expect("made");
        let (ticks, pages) = (pid % 97, pid % 1009);
        let stat = format!(
            "{pid} (program{}) S 1 1 1 0 -1 4194560 0 0 0 0 {ticks} 0 0 0 20 0 2 0 {pid} 0 {pages} 0\n",
            pid % 700
        );
        fs::write(process.join("stat"), stat).expect("written");
    }
    let cx = machine(dir.path());
    let programs = Programs::default();
    let processes = Processes::new(programs.clone());
    for _ in 0..5 {
        let collected = processes.collect(&cx).expect("listed");
        let count = collected.readings.iter().find(|reading| &*reading.series.signal == "system.process.count");
        assert_eq!(count.and_then(firstline_diagnosis::vocabulary::Reading::number), Some(5000.0));
        assert!(collected.readings.len() <= 3 * 48 + 12, "{}", collected.readings.len());
    }
    let details = Details::new(programs).collect(&cx).expect("looked at");
    assert!(details.readings.len() <= 6 * 48 + 1, "{}", details.readings.len());
    assert!(details.readings.iter().all(|reading| Registry::builtin().admit(reading).is_ok()));
}

#[test]
fn the_agent_itself_is_looked_at_closely() {
    let cx = machine(Path::new("/"));
    let mut groups = Groups::default();
    look(&cx, &mut groups).expect("listed");
    let usage = native::usage(&cx.root, std::process::id());
    let open = usage.descriptors.expect("its own");
    assert!((3..10_000).contains(&open), "{open}");
    assert!(usage.descriptor_limit.expect("its own") >= open);
    assert!(usage.io.is_ok());
    let shared = native::proportional_bytes(&cx.root, std::process::id()).expect("its own");
    assert!(shared > 100_000, "{shared}");
}
