use std::path::Path;

use crate::os::proc::firmware;
use crate::os::{exists, list, read, read_bytes, read_trimmed};
use crate::probe::ProbeError;

const EFI: &str = "sys/firmware/efi";
/// The variable of the specification, with the identity of its owner.
const SECURE_BOOT: &str = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// The certificates that the firmware trusts.
const TRUSTED: &str = "sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f";
const DMI: &str = "sys/class/dmi/id";
const TPM: &str = "sys/class/tpm";

/// When the firmware was built, `2023-03-15`.
pub(crate) fn firmware_date(root: &Path) -> Result<String, ProbeError> {
    let text = read(root, &format!("{DMI}/bios_date"))?;
    firmware::date(&text).ok_or(ProbeError::NotPresent("date in the firmware"))
}

/// The number that warranties go by. Only root may read it.
pub(crate) fn serial_number(root: &Path) -> Result<String, ProbeError> {
    let text = read(root, &format!("{DMI}/product_serial"))?;
    firmware::serial(&text).ok_or(ProbeError::NotPresent("serial number in the firmware"))
}

/// That the machine was started by UEFI.
fn check_uefi(root: &Path) -> Result<(), ProbeError> {
    if exists(root, EFI) {
        return Ok(());
    }
    // A machine that was started in the old way cannot check signatures; one that shows no firmware says nothing.
    let shown = exists(root, "sys/firmware");
    Err(if shown { ProbeError::NotPresent("UEFI") } else { ProbeError::Missing(EFI.to_owned()) })
}

/// Whether the firmware trusts what is signed with the keys that follow those that end in 2026.
pub(crate) fn knows_keys_of_2023(root: &Path) -> Result<bool, ProbeError> {
    check_uefi(root)?;
    Ok(firmware::names_keys_of_2023(&read_bytes(root, TRUSTED)?))
}

/// Whether the firmware starts only what is signed.
pub(crate) fn secure_boot(root: &Path) -> Result<bool, ProbeError> {
    check_uefi(root)?;
    let bytes = read_bytes(root, SECURE_BOOT)?;
    firmware::efi_flag(&bytes).ok_or_else(|| ProbeError::Failed("the variable SecureBoot is odd".to_owned()))
}

/// The version of the security chip, and whether an old one is switched off.
pub(crate) fn tpm(root: &Path) -> Result<String, ProbeError> {
    if !exists(root, "sys/class") {
        return Err(ProbeError::Missing(TPM.to_owned()));
    }
    let chips = list(root, TPM).unwrap_or_default();
    let chip = chips.first().ok_or(ProbeError::NotPresent("security chip"))?;
    let said = |name: &str| read_trimmed(root, &format!("{TPM}/{chip}/{name}"));
    // Kernels before 5.6 do not say the version; only the old kind has a directory of such flags.
    let flag = |name: &str| said(&format!("device/{name}"));
    match said("tpm_version_major").as_deref() {
        Some("2") => Ok("2.0".to_owned()),
        Some("1") | None if flag("enabled").as_deref() == Some("0") => Ok("1.2 off".to_owned()),
        Some("1") => Ok("1.2".to_owned()),
        None if flag("enabled").is_some() => Ok("1.2".to_owned()),
        _ => Err(ProbeError::Unsupported("the version of the security chip")),
    }
}
