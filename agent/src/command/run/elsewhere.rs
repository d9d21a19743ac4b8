use std::io;

/// Never ends: here only Ctrl-C, or the service manager through its own interface, stops the process.
#[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(super) fn terminated() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(std::future::pending())
}
