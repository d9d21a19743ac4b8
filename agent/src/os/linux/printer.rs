use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::os::ipp::http;
use crate::os::ipp::message::{self, Answer, Operation, Tag};
use crate::os::ipp::queue::{self, Queue};
use crate::os::{exists, modified_seconds, read};
use crate::probe::ProbeError;

const SOCKET: &str = "run/cups/cups.sock";
const CONF: &str = "etc/cups/printers.conf";
const SPOOL: &str = "var/spool/cups";
/// Where the control groups of a service that runs are.
const RUNNING: [&str; 2] =
    ["sys/fs/cgroup/system.slice/cups.service", "sys/fs/cgroup/systemd/system.slice/cups.service"];
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer about a thousand queues has less.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
const PRINTERS: u8 = 4;
const JOBS: u8 = 2;

/// Every print queue: by CUPS, or where it does not run by what it recorded. It is never started by asking.
pub(crate) fn print_queues(root: &Path) -> Result<Vec<Queue>, ProbeError> {
    if !runs(root) {
        let recorded = read(root, CONF).map_err(|error| error.or_not_present("print service"))?;
        return Ok(queue::printers_conf(&recorded));
    }
    let wanted: &[(Tag, &str, &[&str])] = &[(Tag::Keyword, "requested-attributes", &queue::WANTED)];
    let answer = ask(root, Operation::Printers, wanted)?;
    let mut queues: Vec<Queue> = things(&answer, PRINTERS).filter_map(Queue::of).collect();
    let default = default(root);
    for queue in &mut queues {
        queue.is_default = default.as_ref() == Some(&queue.name);
        if queue.jobs.is_some_and(|jobs| jobs > 0) {
            queue.oldest_seconds = oldest(root, &queue.name).ok().flatten();
        }
    }
    Ok(queues)
}

/// A number that differs when a job came or a queue changed, for the price of two looks.
pub(crate) fn print_stamp(root: &Path) -> i64 {
    let at = |path| modified_seconds(root, path).unwrap_or(0);
    at(CONF) ^ at(SPOOL).rotate_left(32)
}

/// Whether CUPS runs. With systemd its socket is there all the time, and knocking would start it.
fn runs(root: &Path) -> bool {
    let is_up = !exists(root, "run/systemd/system") || RUNNING.iter().any(|group| exists(root, group));
    is_up && exists(root, SOCKET)
}

fn default(root: &Path) -> Option<String> {
    let wanted: &[(Tag, &str, &[&str])] = &[(Tag::Keyword, "requested-attributes", &["printer-name"])];
    let answer = ask(root, Operation::DefaultPrinter, wanted).ok()?;
    things(&answer, PRINTERS).find_map(|printer| printer.texts("printer-name").next().map(str::to_owned))
}

/// When the oldest job of a queue came. Nothing but the time is asked for.
fn oldest(root: &Path, name: &str) -> Result<Option<i64>, ProbeError> {
    let uri = format!("ipp://localhost/printers/{name}");
    let answer = ask(
        root,
        Operation::Jobs,
        &[
            (Tag::Uri, "printer-uri", &[&uri]),
            (Tag::Keyword, "which-jobs", &["not-completed"]),
            (Tag::Keyword, "requested-attributes", &["time-at-creation"]),
        ],
    )?;
    Ok(things(&answer, JOBS).filter_map(|job| job.number("time-at-creation")).map(i64::from).min())
}

fn things(answer: &Answer, kind: u8) -> impl Iterator<Item = &message::Group> {
    answer.groups.iter().filter(move |group| group.kind == kind)
}

fn ask(root: &Path, operation: Operation, attributes: &[(Tag, &str, &[&str])]) -> Result<Answer, ProbeError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::WouldBlock => ProbeError::Timeout("the print service".to_owned()),
        std::io::ErrorKind::ConnectionRefused => ProbeError::NotPresent("print service"),
        _ => ProbeError::io("the print service", &source),
    };
    let mut socket = UnixStream::connect(root.join(SOCKET)).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).and_then(|()| socket.set_write_timeout(Some(PATIENCE))).map_err(failed)?;
    socket.write_all(&http::request("/", &message::request(operation, attributes))).map_err(failed)?;
    let mut bytes = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    let odd = || ProbeError::Failed("the print service answered something else".to_owned());
    match http::response(&bytes).ok_or_else(odd)? {
        (200, body) => message::answer(&body).ok_or_else(odd),
        (401 | 403, _) => Err(ProbeError::NoPermission("the print service".to_owned())),
        (status, _) => Err(ProbeError::Failed(format!("the print service answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use super::*;

    /// A print service of its own folder, which ends with the test.
    struct Cups {
        root: tempfile::TempDir,
        service: Child,
    }

    impl Drop for Cups {
        fn drop(&mut self) {
            let _ = self.service.kill();
            let _ = self.service.wait();
        }
    }

    impl Cups {
        /// Starts one with a queue, where CUPS is installed.
        fn start() -> Option<Self> {
            let program = ["/usr/sbin/cupsd", "/usr/bin/cupsd"].into_iter().find(|path| Path::new(path).exists())?;
            let root = tempfile::Builder::new().prefix("cups").tempdir_in("/tmp").expect("temporary directory");
            let at = |path: &str| root.path().join(path).display().to_string();
            for dir in ["run/cups", "etc/cups", "var/spool/cups/tmp", "var/cache", "var/log"] {
                fs::create_dir_all(root.path().join(dir)).expect("made");
            }
            let conf = format!(
                "Listen {}\nLogLevel warn\nWebInterface No\nBrowsing No\n<Location />\nOrder allow,deny\nAllow all\n</Location>\n\
                 <Policy default>\n<Limit All>\nOrder deny,allow\nAllow all\n</Limit>\n</Policy>\n",
                at(SOCKET)
            );
            let files = format!(
                "ServerRoot {}\nStateDir {}\nRequestRoot {}\nTempDir {}\nCacheDir {}\nAccessLog {}\nErrorLog {}\nPageLog {}\nFileDevice Yes\n",
                at("etc/cups"),
                at("run/cups"),
                at("var/spool/cups"),
                at("var/spool/cups/tmp"),
                at("var/cache"),
                at("var/log/access"),
                at("var/log/error"),
                at("var/log/page"),
            );
            let printers =
                "<DefaultPrinter Laser>\nDeviceURI file:///dev/null\nState Idle\nAccepting Yes\n</DefaultPrinter>\n";
            for (path, text) in [("etc/cups/cupsd.conf", &*conf), ("etc/cups/files.conf", &*files), (CONF, printers)] {
                fs::write(root.path().join(path), text).expect("written");
            }
            let service = Command::new(program)
                .args(["-f", "-c", &at("etc/cups/cupsd.conf"), "-s", &at("etc/cups/files.conf")])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("started");
            let cups = Self { root, service };
            cups.until(|queues| queues.iter().any(|queue| queue.jobs.is_some()));
            Some(cups)
        }

        /// The queues, once they are as `wanted`.
        fn until(&self, wanted: impl Fn(&[Queue]) -> bool) -> Vec<Queue> {
            let deadline = Instant::now() + Duration::from_secs(30);
            loop {
                let queues = print_queues(self.root.path());
                match queues {
                    Ok(queues) if wanted(&queues) => return queues,
                    last => assert!(Instant::now() < deadline, "{last:?}"),
                }
                std::thread::yield_now();
            }
        }

        fn run(&self, program: &str, arguments: &[&str]) {
            let socket = self.root.path().join(SOCKET);
            let mut command = Command::new(program);
            command.env("CUPS_SERVER", &socket).args(arguments).stdout(Stdio::null());
            assert!(command.status().expect("installed with CUPS").success(), "{program}");
        }
    }

    #[test]
    fn a_stopped_queue_and_its_waiting_jobs_are_seen_and_their_titles_are_not() {
        let Some(cups) = Cups::start() else { return };
        let queues = cups.until(|queues| queues[0].state == Some("idle"));
        assert_eq!(queues[0].model.as_deref(), Some("Local Raw Printer"), "CUPS says so of a queue without a driver");
        assert_eq!((queues[0].accepts, queues[0].is_default, queues[0].jobs), (Some(true), true, Some(0)));
        cups.run("cupsdisable", &["Laser"]);
        for _ in 0..2 {
            let file = cups.root.path().join("etc/cups/cupsd.conf").display().to_string();
            cups.run("lp", &["-d", "Laser", "-t", "salary of ada", &file]);
        }
        let queues = cups.until(|queues| queues[0].jobs == Some(2));
        assert_eq!(queues[0].state, Some("stopped"));
        assert!(queues[0].reasons.iter().any(|reason| reason == "paused"), "{queues:?}");
        assert!(queues[0].oldest_seconds.is_some_and(|at| at > 1_700_000_000), "{queues:?}");
        assert!(!format!("{queues:?}").contains("salary"));
    }

    #[test]
    fn a_print_service_that_does_not_run_is_read_and_not_started() {
        let root = tempfile::tempdir().expect("temporary directory");
        assert_eq!(print_queues(root.path()), Err(ProbeError::NotPresent("print service")));
        for dir in ["run/systemd/system", "run/cups", "etc/cups"] {
            fs::create_dir_all(root.path().join(dir)).expect("made");
        }
        let listener = std::os::unix::net::UnixListener::bind(root.path().join(SOCKET)).expect("bound");
        listener.set_nonblocking(true).expect("set");
        fs::write(root.path().join(CONF), "<Printer pdf>\nState Idle\n</Printer>\n").expect("written");
        assert_eq!(print_queues(root.path()).expect("recorded")[0].name, "pdf");
        assert!(listener.accept().is_err(), "nobody knocked");
    }
}
