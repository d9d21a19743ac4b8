//! Programs of the system that `install` and `uninstall` call, for somebody who sits at the machine.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `program` to its end; what it printed.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().with_context(|| format!("starting {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {} failed: {}", arguments.join(" "), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks or orders systemd.
pub(super) fn systemctl(arguments: &[&str]) -> Result<String> {
    run("systemctl", arguments)
}
