use std::path::{Path, PathBuf};

use super::files;

/// Where an authority keeps what.
#[derive(Debug, Clone)]
pub struct Place {
    /// The collector's folder.
    pub(super) data: PathBuf,
    /// Certificates, and the keys of the server.
    pub(super) folder: PathBuf,
    /// The root's key.
    pub(super) key: PathBuf,
}

impl Place {
    /// Everything within the data folder.
    pub fn within(data: &Path) -> Self {
        let folder = files::folder(data);
        Self { data: data.to_owned(), key: folder.join("root.key"), folder }
    }

    /// The root's key in a file elsewhere; a relative path is one below the data folder, an empty one the usual place.
    pub fn with_key(data: &Path, key_file: &Path) -> Self {
        let usual = Self::within(data);
        if key_file.as_os_str().is_empty() { usual } else { Self { key: data.join(key_file), ..usual } }
    }

    /// Where the next root's key lies until its certificate does.
    pub(super) fn next_key(&self) -> PathBuf {
        let mut name = self.key.clone().into_os_string();
        name.push(".next");
        name.into()
    }

    /// Where the certificates of the roots lie: the one that signs, and during a change that one once more, signed by the
    /// root before, and the root before.
    pub(super) fn certificates(&self) -> PathBuf {
        self.folder.join("root.pem")
    }
}
