use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::os::proc::log::Position;
use crate::os::proc::log::network::Wifi;
use crate::os::proc::log::text::TextPosition;

/// What must be known of the log when the agent starts again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// How far each file of the journal was read.
    pub(super) journal: Vec<Position>,
    /// Up to when anything was read, microseconds since 1970; a journal that was not known is read from then on.
    pub(super) read_until_us: u64,
    /// The number of the kernel's next message, and the boot that it counts in.
    pub(super) kernel: Option<(String, u64)>,
    /// How far each log of a syslog daemon was read.
    pub(super) texts: Vec<TextPosition>,
    /// Wi-Fi connections that may come back.
    pub(super) wifi: Wifi,
    /// The boot at whose start was looked how the one before ended.
    pub(super) judged: String,
    /// What crashes left behind and was told.
    pub(super) remains: BTreeSet<String>,
}

impl Kept {
    /// Whether something differs that a restart would repeat or miss. That more entries were read of which none meant
    /// anything is not worth a write: read again, they mean nothing again.
    pub(super) fn differs_in_more_than_numbers(&self, before: &Self) -> bool {
        let files = |kept: &Self| kept.journal.iter().map(|position| position.file.clone()).collect::<Vec<_>>();
        let stops = |kept: &Self| (kept.judged.clone(), kept.remains.clone());
        let texts = |kept: &Self| kept.texts.iter().map(|text| (text.file.clone(), text.inode)).collect::<Vec<_>>();
        files(self) != files(before)
            || texts(self) != texts(before)
            || self.wifi != before.wifi
            || stops(self) != stops(before)
    }
}
