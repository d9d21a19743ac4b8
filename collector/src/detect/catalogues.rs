//! The catalogue in force: the embedded one with the administrator's files laid over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use firstline_diagnosis::catalogue::{Catalogue, LoadErrors};
use thiserror::Error;
use tracing::warn;

/// Folder of the administrator's files within the data folder.
const FOLDER: &str = "checks";

/// Most files, and largest file: more is not a catalogue, but something in the wrong place.
const FILES: usize = 256;
const FILE_BYTES: u64 = 256 * 1024;

/// Why a catalogue did not take force. The one before stays.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// The folder or a file cannot be read.
    #[error("{attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// Something is far too large.
    #[error("{} is refused: {reason}", path.display())]
    TooLarge {
        /// What.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The files do not make a catalogue; the text has file, line and reason of every fault.
    #[error("{0}")]
    Faults(LoadErrors),
}

/// The catalogue in force. Cheap to clone; every clone sees a reload.
#[derive(Debug, Clone)]
pub struct Catalogues {
    folder: PathBuf,
    current: Arc<ArcSwap<Catalogue>>,
}

impl Catalogues {
    /// The catalogue of the collector that lives in `data`. When its files are bad, the embedded catalogue is in force
    /// and the log says why: a collector without the administrator's checks is better than none.
    pub fn open(data: &Path) -> Self {
        let catalogues = Self { folder: data.join(FOLDER), current: Arc::new(ArcSwap::new(Catalogue::builtin())) };
        if let Err(error) = catalogues.reload() {
            warn!(error = %error, "The checks in {} are not in force: {error}", catalogues.folder.display());
        }
        catalogues
    }

    /// What is in force.
    pub fn current(&self) -> Arc<Catalogue> {
        self.current.load_full()
    }

    /// Reads the administrator's files again.
    ///
    /// # Errors
    /// When any of them is bad; then nothing of them takes force.
    pub fn reload(&self) -> Result<Arc<Catalogue>, CatalogueError> {
        let files = self.files()?;
        let catalogue = if files.is_empty() {
            Catalogue::builtin()
        } else {
            Arc::new(Catalogue::with_overlay(&files).map_err(CatalogueError::Faults)?)
        };
        self.current.store(Arc::clone(&catalogue));
        Ok(catalogue)
    }

    /// Name and text of every file, in order of name; none when there is no folder.
    fn files(&self) -> Result<Vec<(String, String)>, CatalogueError> {
        let wrap = |attempt, path: &Path| {
            let path = path.to_owned();
            move |cause| CatalogueError::File { attempt, path, cause }
        };
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut paths = std::fs::read_dir(&self.folder)
            .map_err(wrap("reading the folder", &self.folder))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrap("reading the folder", &self.folder))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        if paths.len() > FILES {
            return Err(CatalogueError::TooLarge { path: self.folder.clone(), reason: "it holds more than 256 files" });
        }
        paths.iter().map(|path| Ok((name(path), text(path)?))).collect()
    }
}

fn name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{FOLDER}/{file}")
}

fn text(path: &Path) -> Result<String, CatalogueError> {
    let wrap = |cause| CatalogueError::File { attempt: "reading", path: path.to_owned(), cause };
    if std::fs::metadata(path).map_err(wrap)?.len() > FILE_BYTES {
        return Err(CatalogueError::TooLarge { path: path.to_owned(), reason: "it is larger than 256 KiB" });
    }
    std::fs::read_to_string(path).map_err(wrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_is_refused_whole_and_the_old_set_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let catalogues = Catalogues::open(folder.path());
        let version = catalogues.current().version().to_owned();
        std::fs::create_dir(folder.path().join(FOLDER)).expect("a folder");
        std::fs::write(folder.path().join("checks/mine.toml"), "[[check]]\nid = \"mine\"\nwhen = \"nonsense(\"\n")
            .expect("a file");
        let error = catalogues.reload().expect_err("refused").to_string();
        assert!(error.contains("checks/mine.toml:"), "{error}");
        assert_eq!(catalogues.current().version(), version);
    }

    #[test]
    fn a_collector_with_bad_files_starts_with_the_embedded_catalogue() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(FOLDER)).expect("a folder");
        std::fs::write(folder.path().join("checks/mine.toml"), "this is not TOML").expect("a file");
        assert_eq!(Catalogues::open(folder.path()).current().version(), Catalogue::builtin().version());
    }
}
