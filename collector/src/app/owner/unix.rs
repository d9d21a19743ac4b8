use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::path::Path;

/// A new file with mode 0600.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A folder with mode 0700; fine when it exists.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A folder with mode 0700 that was not there before.
pub(crate) fn make_new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Gives a file that another library made mode 0600.
pub(crate) fn hide(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Gives what root made in somebody's folder to the folder's owner. Nobody else may give anything away, nor needs to.
pub(crate) fn hand_over(path: &Path, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    lchown(path, Some(owner.uid()), Some(owner.gid()))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            hand_over(&entry?.path(), folder)?;
        }
    }
    Ok(())
}

/// The access rights of a file that others than its owner can read or write, in octal; nothing when they cannot.
pub(crate) fn shared_mode(path: &Path) -> io::Result<Option<String>> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then(|| format!("{mode:o}")))
}
