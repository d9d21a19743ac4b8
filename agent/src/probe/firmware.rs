//! The firmware and the security chip, as far as people ask about them.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "firmware",
    section: Section::Identity,
    tier: Tier::Change,
    deadline: Duration::from_secs(5),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.firmware.date",
        "endpoint.serial_number",
        "endpoint.secure_boot",
        "endpoint.uefi_ca_2023",
        "endpoint.tpm.state",
    ],
};

/// Reads what the firmware says.
pub(crate) struct Firmware;

impl Probe for Firmware {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.firmware.date", [], native::firmware_date(&cx.root));
        gather.outcome("endpoint.serial_number", [], native::serial_number(&cx.root));
        gather.outcome("endpoint.secure_boot", [], native::secure_boot(&cx.root));
        let keys = native::knows_keys_of_2023(&cx.root).map(|knows| if knows { "present" } else { "absent" });
        gather.outcome("endpoint.uefi_ca_2023", [], keys);
        gather.outcome("endpoint.tpm.state", [], native::tpm(&cx.root));
        Ok(gather.done())
    }
}
