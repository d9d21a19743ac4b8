use super::super::found::{between, program};
use super::Found;

/// The kernel keeps no more of a process's name.
const COMMAND_BYTES_MAX: usize = 15;

/// Programs that were killed, crashed or hung, and the kernel's own faults.
pub(super) fn meaning(line: &str) -> Option<Found> {
    out_of_memory(line).or_else(|| hung(line)).or_else(|| crash(line)).or_else(|| own_fault(line))
}

/// `Out of memory: Killed process 1234 (firefox) total-vm:123kB, anon-rss:...`
fn out_of_memory(line: &str) -> Option<Found> {
    let (what, rest) = line.split_once("Killed process ")?;
    let scope = match what.trim_end().trim_end_matches(':') {
        "" | "Out of memory" | "Out of memory (oom_kill_allocating_task)" => "machine",
        "Memory cgroup out of memory" => "group",
        _ => return None,
    };
    // A process may call itself anything, so its name ends where the kernel goes on.
    let (number, rest) = rest.split_once(" (")?;
    let is_number = number.bytes().all(|letter| letter.is_ascii_digit());
    let (comm, _) = rest.split_once(") total-vm:").or_else(|| rest.split_once("), UID "))?;
    is_number.then_some(())?;
    Some(Found::new("endpoint.oom_kill").of("process.executable.name", command(comm)).text("scope", scope))
}

/// `INFO: task kworker/u8:1:1234 blocked for more than 120 seconds.`
fn hung(line: &str) -> Option<Found> {
    if let Some(task) = line.strip_prefix("INFO: task ") {
        let (task, rest) = task.split_once(" blocked ")?;
        let seconds: f64 = between(rest, "more than ", " seconds")?.parse().ok()?;
        let comm = task.rsplit_once(':')?.0;
        return Some(hang(comm, "blocked").number("seconds", seconds));
    }
    let rest = line.split_once("BUG: soft lockup - CPU#")?.1;
    let seconds: f64 = between(rest, "stuck for ", "s!")?.parse().ok()?;
    let comm = between(rest, "[", "]")?.rsplit_once(':')?.0;
    Some(hang(comm, "soft_lockup").number("seconds", seconds))
}

fn hang(comm: &str, kind: &str) -> Found {
    Found::new("endpoint.app.hang").of("process.executable.name", command(comm)).text("kind", kind)
}

/// `firefox[1234]: segfault at 0 ip 00007f.. sp 00007f.. error 4 in libxul.so[7f..+100]`;
/// `traps: app[1234] general protection fault ip:7f.. sp:7f.. error:0 in libc.so.6[7f..]`
pub(super) fn crash(line: &str) -> Option<Found> {
    let (comm, signal) = if let Some(rest) = line.strip_prefix("traps: ") {
        let (comm, what) = rest.split_once('[')?;
        let what = what.split_once("] ")?.1;
        let signal = if what.starts_with("general protection") {
            "SIGSEGV"
        } else if what.starts_with("trap invalid opcode") {
            "SIGILL"
        } else if what.starts_with("trap int3") {
            "SIGTRAP"
        } else if what.starts_with("trap divide error") {
            "SIGFPE"
        } else {
            return None;
        };
        (comm, signal)
    } else {
        let (comm, rest) = line.split_once("]: segfault at ")?;
        if !rest.contains(" ip ") {
            return None;
        }
        (comm.rsplit_once('[')?.0, "SIGSEGV")
    };
    let found = Found::new("endpoint.app.crash").of("process.executable.name", command(comm)).text("signal", signal);
    let module =
        line.rsplit_once(" in ").and_then(|(_, rest)| rest.split_once('[')).and_then(|(module, _)| program(module));
    Some(match module {
        Some(module) => found.text("module", module),
        None => found,
    })
}

/// `BUG: unable to handle page fault for address: ffff...`; `kernel BUG at mm/slub.c:305!`
fn own_fault(line: &str) -> Option<Found> {
    let kind = if line.starts_with("Kernel panic - not syncing") {
        "panic"
    } else if line.starts_with("BUG: unable to handle ") || line.starts_with("BUG: kernel NULL pointer dereference") {
        "bad_address"
    } else if line.starts_with("kernel BUG at ") {
        "assertion"
    } else if line.starts_with("watchdog: Watchdog detected hard LOCKUP")
        || line.contains("NMI watchdog: Watchdog detected hard LOCKUP")
    {
        "hard_lockup"
    } else {
        return None;
    };
    Some(Found::new("endpoint.os.crash").of("kind", kind).text("source", "log"))
}

/// The name of a process without what tells the copies of one program apart: `kworker/u8:1` is a `kworker`.
fn command(comm: &str) -> &str {
    let first = comm.split('/').next().unwrap_or_default().trim();
    let fits = !first.is_empty() && first.len() <= COMMAND_BYTES_MAX && !first.contains(char::is_control);
    if fits { first } else { "unknown" }
}
