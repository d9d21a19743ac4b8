//! Which machine this is.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "identity",
    section: Section::Identity,
    tier: Tier::Change,
    deadline: Duration::from_secs(5),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[
        "host.name",
        "host.id",
        "os.type",
        "os.name",
        "os.version",
        "os.build_id",
        "host.arch",
        "host.cpu.model.name",
        "system.cpu.logical.count",
        "system.memory.limit",
        "device.manufacturer",
        "device.model.identifier",
        "endpoint.chassis",
        "endpoint.firmware.version",
    ],
};

/// What the system at hand says about itself. Absent is what it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    pub(crate) host_name: Option<String>,
    /// The raw identity of the installation; only its keyed hash leaves this file.
    pub(crate) machine_id: Option<String>,
    pub(crate) os_name: Option<String>,
    pub(crate) os_version: Option<String>,
    pub(crate) os_build_id: Option<String>,
    pub(crate) cpu_model: Option<String>,
    pub(crate) cpu_count: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) chassis: Option<&'static str>,
    pub(crate) firmware_version: Option<String>,
}

/// Reads names, versions and sizes that rarely change.
pub(crate) struct WhoAmI;

impl Probe for WhoAmI {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let identity = native::identity(&cx.root);
        let mut gather = Gather::new(cx);
        let host_id = identity.machine_id.as_deref().map(|id| cx.pseudonyms.name("host", id));
        gather.single("os.type", os_type(std::env::consts::OS));
        gather.single("host.arch", arch(std::env::consts::ARCH));
        let mut enter = |signal: &str, what: &'static str, text: Option<String>| {
            gather.outcome(signal, Attributes::none(), text.ok_or(ProbeError::NotPresent(what)));
        };
        enter("host.name", "computer name", identity.host_name);
        enter("host.id", "machine id", host_id);
        enter("os.name", "name of the system", identity.os_name);
        enter("os.version", "version of the system", identity.os_version);
        enter("os.build_id", "build of the system", identity.os_build_id);
        enter("host.cpu.model.name", "name of the processor", identity.cpu_model);
        enter("device.manufacturer", "manufacturer in the firmware", identity.manufacturer);
        enter("device.model.identifier", "model in the firmware", identity.model);
        enter("endpoint.chassis", "chassis type in the firmware", identity.chassis.map(str::to_owned));
        enter("endpoint.firmware.version", "firmware version", identity.firmware_version);
        let count = identity.cpu_count.ok_or(ProbeError::NotPresent("count of processors"));
        gather.outcome("system.cpu.logical.count", [], count);
        let memory = identity.memory_bytes.ok_or(ProbeError::NotPresent("size of memory"));
        gather.outcome("system.memory.limit", [], memory);
        Ok(gather.done())
    }
}

/// OpenTelemetry's word for a system.
fn os_type(rust: &'static str) -> &'static str {
    if rust == "macos" { "darwin" } else { rust }
}

/// OpenTelemetry's word for an architecture.
fn arch(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "x86",
        "arm" => "arm32",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_architectures_in_the_words_of_the_convention() {
        assert_eq!(arch("x86_64"), "amd64");
        assert_eq!(arch("riscv64"), "riscv64");
    }
}
