//! The two calls that pass a question on to a disk. Both only read; the commands are those of the callers, and none of
//! them changes or wakes anything.

use std::ffi::c_void;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl};

use crate::probe::ProbeError;

/// `NVME_IOCTL_ADMIN_CMD` of linux/nvme_ioctl.h.
const NVME_ADMIN: Opcode = 0xc048_4e41;
/// `SG_IO` of scsi/sg.h.
const SG_IO: Opcode = 0x2285;
/// After this long the kernel gives up.
const PATIENCE_MS: u32 = 3_000;

/// Opens the node of a disk without waiting for a medium.
pub(super) fn open(root: &Path, device: &str) -> Result<File, ProbeError> {
    let mut options = File::options();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    options.open(root.join("dev").join(device)).map_err(|source| ProbeError::file(&format!("dev/{device}"), &source))
}

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Debug, Default)]
struct NvmeCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    words_2_3: [u32; 2],
    metadata: u64,
    address: u64,
    metadata_bytes: u32,
    data_bytes: u32,
    words_10_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

/// `struct sg_io_hdr`.
#[repr(C)]
#[derive(Debug)]
struct SgHeader {
    interface: i32,
    direction: i32,
    command_bytes: u8,
    sense_bytes_max: u8,
    pieces: u16,
    data_bytes: u32,
    data: *mut c_void,
    command: *const u8,
    sense: *mut u8,
    timeout_ms: u32,
    flags: u32,
    pack: i32,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message: u8,
    sense_bytes: u8,
    host_status: u16,
    driver_status: u16,
    left_bytes: i32,
    duration_ms: u32,
    info: u32,
}

/// A call whose argument is the address of `T`, and whose result is the number that the kernel returns.
struct Call<'a, T> {
    opcode: Opcode,
    argument: &'a mut T,
}

// SAFETY: the argument is a live, exclusive reference to the structure that the opcode's header declares, for as long as
// the call takes; whatever the kernel leaves in it is valid for its integers.
unsafe impl<T> Ioctl for Call<'_, T> {
    type Output = IoctlOutput;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self.argument).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> Result<Self::Output, Errno> {
        Ok(out)
    }
}

/// Reads a log page that belongs to the whole NVMe disk.
pub(super) fn nvme_log_page(disk: impl AsFd, page: u8, into: &mut [u8]) -> Result<(), ProbeError> {
    let words = u32::try_from(into.len() / 4).unwrap_or(1).max(1) - 1;
    let mut command = NvmeCommand {
        // "Get log page" of all namespaces.
        opcode: 0x02,
        namespace: u32::MAX,
        address: into.as_mut_ptr() as u64,
        data_bytes: into.len() as u32,
        words_10_15: [u32::from(page) | words << 16, 0, 0, 0, 0, 0],
        timeout_ms: PATIENCE_MS,
        ..NvmeCommand::default()
    };
    // SAFETY: the command says the address and the length of `into`, which is borrowed exclusively until the call is over;
    // the kernel writes nothing else.
    let status = unsafe { ioctl(disk, Call { opcode: NVME_ADMIN, argument: &mut command }) };
    match status.map_err(|errno| ProbeError::io("the health log", &errno.into()))? {
        0 => Ok(()),
        other => Err(ProbeError::Failed(format!("the disk answered status {other:#x}"))),
    }
}

/// Passes an ATA command on and gives the sense data, which holds the registers when the command asked for them.
pub(super) fn ata_command(disk: impl AsFd, command: &[u8; 16], into: &mut [u8]) -> Result<[u8; 32], ProbeError> {
    // Values of scsi/sg.h: no data, data from the disk.
    let direction = if into.is_empty() { -1 } else { -3 };
    let mut sense = [0_u8; 32];
    let mut header = SgHeader {
        interface: i32::from(b'S'),
        direction,
        command_bytes: command.len() as u8,
        sense_bytes_max: sense.len() as u8,
        pieces: 0,
        data_bytes: into.len() as u32,
        data: into.as_mut_ptr().cast(),
        command: command.as_ptr(),
        sense: sense.as_mut_ptr(),
        timeout_ms: PATIENCE_MS,
        flags: 0,
        pack: 0,
        user: std::ptr::null_mut(),
        status: 0,
        masked_status: 0,
        message: 0,
        sense_bytes: 0,
        host_status: 0,
        driver_status: 0,
        left_bytes: 0,
        duration_ms: 0,
        info: 0,
    };
    // SAFETY: the header points to `command`, `into` and `sense` with their lengths; all three outlive the call, and the
    // two that the kernel writes to are borrowed exclusively.
    let called = unsafe { ioctl(disk, Call { opcode: SG_IO, argument: &mut header }) };
    called.map_err(|errno| ProbeError::io("the disk", &errno.into()))?;
    if header.host_status != 0 {
        return Err(ProbeError::Failed(format!("the controller answered status {:#x}", header.host_status)));
    }
    Ok(sense)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_the_kernel_declares_them() {
        assert_eq!(size_of::<NvmeCommand>(), 72);
        assert_eq!(size_of::<SgHeader>(), 88);
    }

    #[test]
    fn what_is_no_disk_is_refused_by_the_kernel() {
        let file = File::open("/proc/self/status").expect("opens");
        assert!(nvme_log_page(&file, 2, &mut [0; 512]).is_err());
        assert!(ata_command(&file, &[0; 16], &mut []).is_err());
    }
}
