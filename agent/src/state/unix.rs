//! Owner-only files and directories.
//!
//! What root makes in a directory of somebody else's is given to that somebody: `enroll` is run by root, and the service
//! that must read its result runs as a user of its own. Root follows no link that such a user may have put there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::Path;

use rustix::fs::OFlags;

pub(super) use std::os::unix::fs::symlink;

const ROOT: u32 = 0;

/// Creates a directory with its parents, for its owner alone.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    let is_new = fs::symlink_metadata(path).is_err();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let there = fs::symlink_metadata(path)?;
    match heir(path) {
        Some(_) if there.is_symlink() => {
            Err(io::Error::new(io::ErrorKind::NotADirectory, "a link lies where the agent's directory should be"))
        }
        Some((user, group)) if is_new => lchown(path, Some(user), Some(group)),
        _ => Ok(()),
    }
}

/// As [`create_dir`]; one that is there becomes its owner's alone.
pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    create_dir(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Creates a directory for its owner alone where others may write too; one that is there must be such a directory.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path)?;
            let shared = found.mode() & 0o077;
            let ours = found.uid() == rustix::process::geteuid().as_raw() && shared == 0;
            if found.is_dir() && ours { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
        }
        made => made,
    }
}

/// Opens for reading and writing, for its owner alone when new.
pub(super) fn open_private(path: &Path, keep: bool) -> io::Result<File> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(!keep).mode(0o600).custom_flags(no_link);
    let file = options.open(path)?;
    if let Some((user, group)) = heir(path).filter(|_| file.metadata().is_ok_and(|file| file.uid() == ROOT)) {
        fchown(&file, Some(user), Some(group))?;
    }
    Ok(file)
}

/// To whom goes what root makes at `path`: the owner of the directory, when that is somebody else.
fn heir(path: &Path) -> Option<(u32, u32)> {
    let parent = fs::metadata(path.parent()?).ok().filter(|parent| parent.uid() != ROOT)?;
    rustix::process::geteuid().is_root().then(|| (parent.uid(), parent.gid()))
}

/// Makes changes of names in a directory last.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The mode when it gives anybody but the owner a right.
pub(super) fn shared_mode(path: &Path) -> io::Result<Option<String>> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then(|| format!("{mode:04o}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_no_link() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "precious").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        assert!(open_private(&link, false).is_err());
        assert_eq!(fs::read_to_string(&target).expect("there"), "precious");
    }

    #[test]
    fn what_root_makes_belongs_to_whom_the_directory_belongs() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let nobody = (65534, 65534);
        // Only root can give a directory away, and only root's files need an heir.
        let given = lchown(dir.path(), Some(nobody.0), Some(nobody.1)).is_ok();
        let (file, folder) = (dir.path().join("key.pem"), dir.path().join("identity"));
        open_private(&file, true).expect("opened");
        create_dir(&folder).expect("made");
        let parent = fs::metadata(dir.path()).expect("there").uid();
        for path in [file, folder] {
            assert_eq!(fs::metadata(&path).expect("there").uid(), parent, "{} ({given})", path.display());
        }
    }
}
