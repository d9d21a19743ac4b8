use super::super::{Context, ProbeError};
use super::position::Kept;
use crate::os::native;
use crate::os::proc::log::Lines;

/// Messages that are read in one run; the newest, when there are more.
const MESSAGES_MAX: usize = 500;
/// The same at the first look of a boot: a program that is ended for lack of memory makes fifty of them.
const MESSAGES_AT_FIRST_MAX: usize = 4000;

/// Reads the kernel's own messages.
#[derive(Default)]
pub(super) struct KernelLog {
    log: native::KernelLog,
}

impl KernelLog {
    /// What is new since the message whose number was kept. A boot counts anew.
    pub(super) fn read(&mut self, cx: &Context, kept: &mut Kept) -> Result<Lines, ProbeError> {
        let boot_id = native::boot_id(&cx.root).unwrap_or_default();
        let next = kept.kernel.as_ref().filter(|(boot, _)| *boot == boot_id).map_or(0, |(_, next)| *next);
        let most = if next == 0 { MESSAGES_AT_FIRST_MAX } else { MESSAGES_MAX };
        let boot_us = u64::try_from(cx.clock.now().unix_ms()).unwrap_or(0) * 1000;
        let boot_us = boot_us.saturating_sub(u64::try_from(cx.clock.awake().as_micros()).unwrap_or(0));
        let (lines, next) = self.log.read(&cx.root, next, boot_us, most)?;
        kept.kernel = Some((boot_id, next));
        Ok(lines)
    }
}
