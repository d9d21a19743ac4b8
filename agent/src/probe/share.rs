//! Network drives: whether their servers are reached, and whether they answer.
//!
//! A look at a drive whose server is gone hangs in the kernel, for minutes and out of reach of every signal but the last.
//! So only a child process looks, which can be left behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use firstline_diagnosis::order::{self, Arrange as _};
use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;
use futures_util::future::join_all;

use super::path::{SystemResolver, connect_to};
use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::child::Child;
use crate::os::native;
use crate::os::proc::mounts::Remote;

static SPEC: Spec = Spec {
    name: "shares",
    section: Section::Storage,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(40),
    priority: 3,
    waits: true,
    heavy: true,
    signals: &[
        "endpoint.share.ok",
        "endpoint.share.error",
        "endpoint.share.server.reachable",
        "endpoint.share.stat.duration",
    ],
};

/// How long a drive may take to answer before it counts as hanging.
const STAT_PATIENCE: Duration = Duration::from_secs(10);
/// More drives than this are not looked at.
const SHARES: usize = 16;
/// What stands for "no error".
const NO_ERROR: &str = "none";

/// Looks at every network drive.
#[derive(Default)]
pub(crate) struct Shares {
    resolver: SystemResolver,
}

impl Probe for Shares {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut shares = native::remote_mounts(&cx.root)?;
        shares.truncate(SHARES);
        if shares.is_empty() {
            return Err(ProbeError::NotPresent("network drive"));
        }
        let servers: BTreeMap<(&str, &str), Option<&'static str>> = Context::wait_for(self.reach(&shares))?;
        let mut gather = Gather::new(cx);
        for share in &shares {
            let reached = servers.get(&(share.server.as_str(), share.protocol)).copied().flatten();
            let stat = if reached.is_none() { stat(share) } else { Err(ProbeError::NotPresent("server that answers")) };
            enter(cx, share, reached, &stat, &mut gather);
        }
        Ok(gather.done())
    }
}

impl Shares {
    /// How each server's port answers: nothing when it does, else the error.
    async fn reach<'a>(&self, shares: &'a [Remote]) -> BTreeMap<(&'a str, &'a str), Option<&'static str>> {
        let mut servers: Vec<_> = shares.iter().map(|share| (share.server.as_str(), share.protocol)).collect();
        servers.arrange();
        servers.dedup();
        let tests = servers.iter().map(async |(server, protocol)| {
            let port = if *protocol == "smb" { 445 } else { 2049 };
            ((*server, *protocol), connect_to(&self.resolver, server, port).await.err())
        });
        order::map(join_all(tests).await)
    }
}

/// Time of a look at the drive. No file says whether the server behind it answers, and only a process can be left behind.
fn stat(share: &Remote) -> Result<Duration, ProbeError> {
    let start = Instant::now();
    let child = Child::new("stat").args(["--file-system", "--format=%T", "--", &share.point]);
    let output = child.limit(STAT_PATIENCE).bytes_max(256).run()?;
    match output.status {
        Some(0) => Ok(start.elapsed()),
        _ if output.complaint.contains("Stale file handle") => Err(ProbeError::Missing("the share".to_owned())),
        _ if output.complaint.contains("Permission denied") => Err(ProbeError::NoPermission("the share".to_owned())),
        _ => Err(ProbeError::Failed("the share did not answer".to_owned())),
    }
}

fn enter(
    cx: &Context,
    share: &Remote,
    unreached: Option<&'static str>,
    stat: &Result<Duration, ProbeError>,
    gather: &mut Gather,
) {
    let server = cx.pseudonyms.name("server", &share.server.to_lowercase());
    let name = cx.pseudonyms.name("share", &share.source.to_lowercase());
    let attributes =
        || Attributes::from([("server", server.as_str()), ("share", name.as_str()), ("protocol", share.protocol)]);
    let error = unreached.or(match stat {
        Ok(_) => None,
        Err(ProbeError::Timeout(_)) => Some("hangs"),
        Err(ProbeError::Missing(_)) => Some("gone"),
        Err(ProbeError::NoPermission(_)) => Some("credentials"),
        Err(_) => Some("failed"),
    });
    gather.value("endpoint.share.server.reachable", attributes(), unreached.is_none());
    gather.value("endpoint.share.ok", attributes(), error.is_none());
    gather.value("endpoint.share.error", attributes(), error.unwrap_or(NO_ERROR));
    let took = stat.as_ref().map(Duration::as_secs_f64).map_err(Clone::clone);
    gather.outcome("endpoint.share.stat.duration", attributes(), took);
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::{Reading, Value};
    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn look(mountinfo: &str) -> Result<Vec<Reading>, ProbeError> {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("proc/1")).expect("made");
        std::fs::write(root.path().join("proc/1/mountinfo"), mountinfo).expect("written");
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context { root: root.path().to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) };
        Shares::default().collect(&cx).map(|collected| collected.readings)
    }

    #[test]
    fn a_server_that_is_not_reached_is_not_looked_at_further() {
        let readings = look("36 25 0:52 / /mnt/team rw - cifs //no.such.name.invalid/team rw\n").expect("one drive");
        let outcome = |signal: &str| {
            let found = readings.iter().find(|reading| &*reading.series.signal == signal);
            found.expect("it is told").outcome.clone()
        };
        assert_eq!(outcome("endpoint.share.server.reachable"), Ok(Value::Flag(false)));
        assert_eq!(outcome("endpoint.share.error"), Ok(Value::Text("name".to_owned())));
        assert!(outcome("endpoint.share.stat.duration").is_err());
        assert!(readings.iter().all(|reading| !reading.series.to_string().contains("team")), "names stay here");
    }

    #[test]
    fn a_machine_without_network_drives_has_none() {
        let none = look("38 25 8:1 / / rw - ext4 /dev/sda1 rw\n").expect_err("nothing to look at");
        assert!(matches!(none, ProbeError::NotPresent(_)));
    }

    #[test]
    fn a_drive_that_answers_is_timed_and_one_that_is_gone_is_told() {
        let drive = |point: &str| Remote {
            protocol: "nfs",
            server: "here".to_owned(),
            source: "here:/x".to_owned(),
            point: point.to_owned(),
        };
        assert!(stat(&drive("/")).is_ok_and(|took| took < STAT_PATIENCE));
        assert!(matches!(stat(&drive("/no/such/place")), Err(ProbeError::Failed(_))));
    }
}
