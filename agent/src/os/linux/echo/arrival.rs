use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Room for the time that the kernel adds, in words of eight bytes.
const CONTROL_WORDS: usize = 8;

/// From now on the kernel notes when each packet arrived, so that nobody need be awake for it.
pub(super) fn stamp(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).expect("four bytes");
    let option = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
    // SAFETY: the pointer is to a number of this length, which the call reads and does not keep.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), option.0, option.1, (&raw const on).cast(), size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The next packet that is there: its length, and when it arrived by the machine's clock.
///
/// # Errors
/// The kernel's; `WouldBlock` when there is none.
pub(super) fn next(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Option<SystemTime>)> {
    let mut control = [0_u64; CONTROL_WORDS];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeros is a message without an address, parts or control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message points to the buffer and the control words, with their lengths, and both outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    Ok((length, time(&message)))
}

/// The time among the control data.
fn time(message: &libc::msghdr) -> Option<SystemTime> {
    // SAFETY: the kernel filled the control data of this message, and said how long they are.
    let mut one = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !one.is_null() {
        // SAFETY: it is not null, so the kernel wrote a whole head there.
        let head = unsafe { one.read_unaligned() };
        if (head.cmsg_level, head.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            // SAFETY: behind a head of this kind stands a `timespec`: https://man7.org/linux/man-pages/man7/socket.7.html
            let at = unsafe { libc::CMSG_DATA(one).cast::<libc::timespec>().read_unaligned() };
            let seconds = u64::try_from(at.tv_sec).ok()?;
            return Some(UNIX_EPOCH + Duration::new(seconds, u32::try_from(at.tv_nsec).ok()?));
        }
        // SAFETY: `one` is a head of this message's control data.
        one = unsafe { libc::CMSG_NXTHDR(message, one) };
    }
    None
}
