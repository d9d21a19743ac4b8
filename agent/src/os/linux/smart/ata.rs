use std::fs::File;
use std::path::Path;

use super::passthrough;
use crate::os::read_trimmed;
use crate::os::smart::Health;
use crate::os::smart::ata::{self, Raw, Registers};
use crate::os::smart::drives;
use crate::probe::ProbeError;

/// How the kernel names the maker of a disk that is on a SATA port; behind a USB bridge it is the bridge's name.
const SATA: &str = "ATA";

/// A question to a disk.
#[derive(Debug, Clone, Copy)]
enum Question {
    PowerMode,
    Attributes,
    Thresholds,
    Verdict,
}

/// The health of a disk on a SATA port, by way of the kernel. The disk is asked first whether it is awake, which does not
/// wake it.
pub(super) fn health(root: &Path, device: &str, model: &str) -> Result<Health, ProbeError> {
    if read_trimmed(root, &format!("sys/block/{device}/device/vendor")).as_deref() != Some(SATA) {
        return Err(ProbeError::Unsupported("the health of this disk"));
    }
    let disk = passthrough::open(root, device)?;
    if ata::is_asleep(ask(&disk, Question::PowerMode)?) {
        return Err(ProbeError::Asleep(device.to_owned()));
    }
    let table = ata::attributes(&page(&disk, Question::Attributes)?).ok_or_else(|| odd(device))?;
    let verdict = ask(&disk, Question::Verdict).ok().and_then(ata::verdict);
    let passed = verdict.or_else(|| {
        let thresholds = ata::thresholds(&page(&disk, Question::Thresholds).ok()?)?;
        Some(all_above(&table, &thresholds))
    });
    Ok(Health {
        passed,
        attributes: drives::counts(model, &table),
        remaining_ratio: drives::remaining_ratio(model, &table),
        log: None,
    })
}

/// Whether no attribute has fallen to its threshold: the verdict of a disk that gives none.
fn all_above(table: &[Raw], thresholds: &[(u8, u8)]) -> bool {
    let has_failed = |raw: &Raw| {
        let threshold = thresholds.iter().find(|(id, _)| *id == raw.id).map_or(0, |(_, threshold)| *threshold);
        threshold > 0 && raw.value > 0 && raw.value <= threshold
    };
    !table.iter().any(has_failed)
}

fn page(disk: &File, question: Question) -> Result<[u8; ata::PAGE_BYTES], ProbeError> {
    let mut page = [0; ata::PAGE_BYTES];
    passthrough::ata_command(disk, &command(question), &mut page)?;
    Ok(page)
}

fn ask(disk: &File, question: Question) -> Result<Registers, ProbeError> {
    let sense = passthrough::ata_command(disk, &command(question), &mut [])?;
    ata::registers(&sense).ok_or(ProbeError::Unsupported("the registers of this disk"))
}

/// "ATA pass-through (16)" of the SCSI/ATA translation.
fn command(question: Question) -> [u8; 16] {
    let (feature, command, reads) = match question {
        Question::PowerMode => (0x00, 0xe5, false),
        Question::Attributes => (0xd0, 0xb0, true),
        Question::Thresholds => (0xd1, 0xb0, true),
        Question::Verdict => (0xda, 0xb0, false),
    };
    // Data comes in one sector; or there is none, and the registers are wanted.
    let (protocol, flags, count) = if reads { (4 << 1, 0x0e, 1) } else { (3 << 1, 0x20, 0) };
    let (lba_mid, lba_high) = if command == 0xb0 { (0x4f, 0xc2) } else { (0, 0) };
    [0x85, protocol, flags, 0, feature, 0, count, 0, 0, 0, lba_mid, 0, lba_high, 0, command, 0]
}

fn odd(device: &str) -> ProbeError {
    ProbeError::Failed(format!("the attributes of {device} cannot be understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_only_what_reads() {
        let commands =
            [Question::PowerMode, Question::Attributes, Question::Thresholds, Question::Verdict].map(command);
        let reading = [(0xe5, 0x00), (0xb0, 0xd0), (0xb0, 0xd1), (0xb0, 0xda)];
        assert_eq!(commands.map(|bytes| (bytes[14], bytes[4])), reading);
        assert!(commands.iter().all(|bytes| bytes[0] == 0x85));
    }

    #[test]
    fn a_disk_without_a_verdict_is_judged_by_its_thresholds() {
        let table = [Raw { id: 5, value: 9, bytes: 0 }, Raw { id: 194, value: 30, bytes: 0 }];
        assert!(!all_above(&table, &[(5, 10), (194, 0)]));
        assert!(all_above(&table, &[(5, 8), (194, 0)]));
        assert!(all_above(&table, &[]));
    }

    #[test]
    fn a_disk_behind_a_bridge_is_not_sent_what_the_bridge_may_not_understand() {
        let root = tempfile::tempdir().expect("temporary directory");
        let dir = root.path().join("sys/block/sdb/device");
        std::fs::create_dir_all(&dir).expect("made");
        std::fs::write(dir.join("vendor"), "JMicron \n").expect("written");
        assert!(matches!(health(root.path(), "sdb", ""), Err(ProbeError::Unsupported(_))));
    }
}
