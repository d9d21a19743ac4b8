//! A disk as slow as a story needs it: each sync of a file takes until the story lets it end.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, Mode, mkfifoat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

/// The syncs of whoever is started with the library.
pub(crate) struct Syncs {
    /// To be named in `LD_PRELOAD`.
    pub(crate) library: PathBuf,
    /// How many have ended.
    pub(crate) count: u32,
    asked: Receiver,
    leave: Sender,
    is_one_held: bool,
}

impl Syncs {
    /// Makes the library, and the pipes by which it asks for leave and gets it.
    pub(crate) fn new(folder: &Path) -> Self {
        let [asked, leave] = ["asked", "leave"].map(|name| {
            let pipe = folder.join(name);
            mkfifoat(CWD, &pipe, Mode::RWXU).unwrap();
            pipe
        });
        let library = compiled(folder, &asked, &leave);
        // Both ends are open at once, so that none waits to be opened.
        let mut open = OpenOptions::new();
        let open = open.read_write(true);
        let (asked, leave) = (open.open_receiver(asked).unwrap(), open.open_sender(leave).unwrap());
        Self { library, count: 0, asked, leave, is_one_held: false }
    }

    /// Does `work`; meanwhile each sync, one after the other, takes as long as `end`.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>, end: impl AsyncFn()) -> T {
        let syncs = async {
            loop {
                if !self.is_one_held {
                    self.asked.read_u8().await.unwrap();
                }
                // Whoever breaks off here leaves it to the next.
                self.is_one_held = true;
                end().await;
                self.leave.write_u8(0).await.unwrap();
                (self.is_one_held, self.count) = (false, self.count + 1);
            }
        };
        tokio::select! {
            done = work => done,
            () = syncs => unreachable!("it goes on"),
        }
    }
}

fn compiled(folder: &Path, asked: &Path, leave: &Path) -> PathBuf {
    let (source, library) = (folder.join("syncs.c"), folder.join("syncs.so"));
    let (asked, leave) = (asked.display(), leave.display());
    let text = format!(
        "#include <errno.h>\n#include <fcntl.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
         static void wait_for_leave(void) {{\n\
           char byte = 0;\n\
           int asked = open(\"{asked}\", O_WRONLY | O_CLOEXEC), leave = open(\"{leave}\", O_RDONLY | O_CLOEXEC);\n\
           if (write(asked, &byte, 1) == 1) while (read(leave, &byte, 1) < 0 && errno == EINTR) {{}}\n\
           close(asked); close(leave);\n\
         }}\n\
         int fsync(int file) {{ wait_for_leave(); return syscall(SYS_fsync, file); }}\n\
         int fdatasync(int file) {{ wait_for_leave(); return syscall(SYS_fdatasync, file); }}\n"
    );
    std::fs::write(&source, text).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(made.success());
    library
}
