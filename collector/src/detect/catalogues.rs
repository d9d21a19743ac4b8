//! The catalogue in force: the embedded one with the administrator's files laid over it.
//!
//! A file that says `[only_for]` is for endpoints with these tags only: another threshold in one site, for one model. Each
//! combination of such files that some endpoint has makes a catalogue of its own, once.
//!
//! Where closed tickets showed how likely the candidates of a symptom are ([`super::orders`]), every catalogue that is handed out
//! has them in that order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use firstline_diagnosis::catalogue::{Catalogue, LoadErrors, Symptom, Written};
use thiserror::Error;
use tracing::warn;

use super::orders::Counts;

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
    current: Arc<ArcSwap<InForce>>,
    /// Held while something is put in force: files and counts come from different sides.
    changing: Arc<Mutex<()>>,
}

/// The tags that a file asks for, each with the values that will do.
type OnlyFor = BTreeMap<String, Vec<String>>;

/// What one reading of the folder gave.
#[derive(Debug)]
struct InForce {
    /// For endpoints that no file is for in particular.
    common: Arc<Catalogue>,
    /// The same with symptoms in the order of the files.
    prior: Arc<Catalogue>,
    /// What closed tickets showed; empty when nobody counted, or nobody wants to go by them.
    counts: Counts,
    /// Name and text of every file, in order of name, and whom it is for.
    files: Vec<((String, String), OnlyFor)>,
    /// Catalogues of endpoints that some files are for, by these files.
    made: Mutex<BTreeMap<Vec<usize>, Arc<Catalogue>>>,
}

impl InForce {
    /// Nothing laid over.
    fn builtin() -> Self {
        let (common, prior) = (Catalogue::builtin(), Catalogue::builtin());
        Self { common, prior, counts: Counts::new(), files: Vec::new(), made: Mutex::default() }
    }

    /// # Errors
    /// When any file is bad, alone or together with those for everybody.
    fn of(files: Vec<(String, String)>, counts: Counts) -> Result<Self, LoadErrors> {
        let with_tags = |file: (String, String)| Catalogue::only_for(&file.0, &file.1).map(|only_for| (file, only_for));
        let files = files.into_iter().map(with_tags).collect::<Result<Vec<_>, _>>()?;
        let mut in_force = Self { counts, files, ..Self::builtin() };
        in_force.prior = Arc::new(in_force.laid_over(&[])?);
        in_force.common = in_force.ordered(Arc::clone(&in_force.prior));
        for (index, (_, only_for)) in in_force.files.iter().enumerate() {
            if !only_for.is_empty() {
                in_force.laid_over(&[index])?;
            }
        }
        Ok(in_force)
    }

    /// The same files, with symptoms in the order that these counts show.
    fn counted(&self, counts: Counts) -> Self {
        let prior = Arc::clone(&self.prior);
        let mut in_force = Self { prior, counts, files: self.files.clone(), ..Self::builtin() };
        in_force.common = in_force.ordered(Arc::clone(&in_force.prior));
        in_force
    }

    /// A catalogue with the candidates of its symptoms in the order that closed tickets showed, where there were enough.
    fn ordered(&self, prior: Arc<Catalogue>) -> Arc<Catalogue> {
        let order = |symptom: &Symptom| {
            let counts = self.counts.get(&symptom.id).filter(|counts| counts.suffice())?;
            Some((symptom.id.clone(), counts.order(&symptom.candidates)))
        };
        let orders: BTreeMap<String, Vec<String>> = prior.symptoms().iter().filter_map(order).collect();
        if orders.is_empty() {
            return prior;
        }
        Arc::new(prior.with_symptom_orders(&orders).expect("an order is of the catalogue's own candidates"))
    }

    /// The files for everybody, and these, in order of name.
    fn laid_over(&self, particular: &[usize]) -> Result<Catalogue, LoadErrors> {
        let files = self.with(particular);
        if files.is_empty() { Ok((*Catalogue::builtin()).clone()) } else { Catalogue::with_overlay(&files) }
    }

    fn with(&self, particular: &[usize]) -> Vec<(String, String)> {
        let wanted =
            |(index, (_, only_for)): &(usize, &(_, OnlyFor))| only_for.is_empty() || particular.contains(index);
        self.files.iter().enumerate().filter(wanted).map(|(_, (file, _))| file.clone()).collect()
    }

    /// The files that are for endpoints with these tags in particular.
    fn particular(&self, tags: &BTreeMap<String, String>) -> Vec<usize> {
        let fits = |only_for: &OnlyFor| !only_for.is_empty() && is_for(only_for, tags);
        (0..self.files.len()).filter(|index| fits(&self.files[*index].1)).collect()
    }

    fn for_tags(&self, tags: &BTreeMap<String, String>) -> Arc<Catalogue> {
        let particular = self.particular(tags);
        if particular.is_empty() {
            return Arc::clone(&self.common);
        }
        // A catalogue is put in whole, so a panic elsewhere leaves the map usable.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalogue) = made.get(&particular) {
            return Arc::clone(catalogue);
        }
        let catalogue = self.laid_over(&particular).map_or_else(
            |errors| {
                warn!(tags = ?tags, "Files for these tags do not go together, and none of them is in force there: {errors}");
                Arc::clone(&self.common)
            },
            |catalogue| self.ordered(Arc::new(catalogue)),
        );
        made.insert(particular, Arc::clone(&catalogue));
        catalogue
    }
}

/// Whether an endpoint with these tags is one that a file is for.
pub(crate) fn is_for(only_for: &OnlyFor, tags: &BTreeMap<String, String>) -> bool {
    only_for.iter().all(|(tag, values)| tags.get(tag).is_some_and(|value| values.contains(value)))
}

impl Catalogues {
    /// The catalogue of the collector that lives in `data`. When its files are bad, the embedded catalogue is in force
    /// and the log says why: a collector without the administrator's checks is better than none.
    pub fn open(data: &Path) -> Self {
        let catalogues = Self::builtin(data);
        if let Err(error) = catalogues.reload() {
            warn!(error = %error, "The checks in {} are not in force: {error}", catalogues.folder.display());
        }
        catalogues
    }

    /// Reads the administrator's files in `data` as [`Catalogues::reload`] would.
    ///
    /// # Errors
    /// When any of them is bad.
    pub fn check(data: &Path) -> Result<(), CatalogueError> {
        Self::builtin(data).reload().map(drop)
    }

    /// The embedded catalogue, with nothing of `data` yet.
    fn builtin(data: &Path) -> Self {
        let current = Arc::new(ArcSwap::from_pointee(InForce::builtin()));
        Self { folder: data.join(FOLDER), current, changing: Arc::default() }
    }

    /// What is in force for endpoints that no file is for in particular.
    pub fn current(&self) -> Arc<Catalogue> {
        Arc::clone(&self.current.load().common)
    }

    /// The same, with symptoms in the order of the files: what is known from practice.
    pub fn prior(&self) -> Arc<Catalogue> {
        Arc::clone(&self.current.load().prior)
    }

    /// Whether all endpoints are judged alike, whatever their tags.
    pub fn is_uniform(&self) -> bool {
        self.current.load().files.iter().all(|(_, only_for)| only_for.is_empty())
    }

    /// What is in force for an endpoint with these tags.
    pub fn for_tags(&self, tags: &BTreeMap<String, String>) -> Arc<Catalogue> {
        self.current.load().for_tags(tags)
    }

    /// Reads the administrator's files again.
    ///
    /// # Errors
    /// When any of them is bad; then nothing of them takes force.
    pub fn reload(&self) -> Result<Arc<Catalogue>, CatalogueError> {
        let _changing = self.changing();
        let counts = self.current.load().counts.clone();
        let in_force = InForce::of(self.files()?, counts).map_err(CatalogueError::Faults)?;
        let common = Arc::clone(&in_force.common);
        self.current.store(Arc::new(in_force));
        Ok(common)
    }

    /// Puts the candidates of symptoms in the order that closed tickets showed, where there were enough of them.
    pub(crate) fn order_by(&self, counts: Counts) {
        let _changing = self.changing();
        let in_force = self.current.load().counted(counts);
        self.current.store(Arc::new(in_force));
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        // What is in force is exchanged whole, so a panic elsewhere leaves it usable.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checks that a file (name and text) adds or replaces, alone, as they would be if it lay in the folder; and the tags
    /// of the endpoints that it is for.
    ///
    /// # Errors
    /// When that file is bad, or one that is for everybody.
    pub fn rehearsed(
        &self,
        name: &str,
        text: String,
        ids: &[String],
    ) -> Result<(Catalogue, BTreeMap<String, Vec<String>>), CatalogueError> {
        let name = format!("{FOLDER}/{name}");
        let only_for = Catalogue::only_for(&name, &text).map_err(CatalogueError::Faults)?;
        let mut files = self.files()?;
        files.retain(|(other, text)| {
            *other != name && Catalogue::only_for(other, text).is_ok_and(|only_for| only_for.is_empty())
        });
        files.push((name, text));
        files.sort();
        Ok((Catalogue::rehearsed(&files, ids).map_err(CatalogueError::Faults)?, only_for))
    }

    /// Every check as it is written, for endpoints with these tags.
    ///
    /// # Errors
    /// When the files for these tags do not go together; then those for everybody are in force.
    pub fn written(&self, tags: &BTreeMap<String, String>) -> Result<Vec<Written>, CatalogueError> {
        let in_force = self.current.load();
        let files = in_force.with(&in_force.particular(tags));
        Catalogue::written(&files).map_err(CatalogueError::Faults)
    }

    /// The files that are for some endpoints only, with the tags that they ask for.
    pub fn for_some(&self) -> Vec<(String, BTreeMap<String, Vec<String>>)> {
        let in_force = self.current.load();
        let some = in_force.files.iter().filter(|(_, only_for)| !only_for.is_empty());
        some.map(|((name, _), only_for)| (name.clone(), only_for.clone())).collect()
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
    use super::super::orders::SymptomCounts;
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
    fn a_file_for_some_endpoints_is_in_force_there_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(FOLDER)).expect("a folder");
            std::fs::write(folder.path().join(FOLDER).join(name), text).expect("a file");
        };
        let change = "[[check]]\nid = \"disk-space-low\"\n";
        put("all.toml", &format!("{change}title = \"Everywhere\"\n"));
        put(
            "berlin.toml",
            &format!("[only_for]\nsite = [\"berlin\", \"bonn\"]\nring = \"1\"\n{change}severity = \"high\"\n"),
        );
        let catalogues = Catalogues::open(folder.path());
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let says = |tags: BTreeMap<String, String>| {
            let check = catalogues.for_tags(&tags).check("disk-space-low").expect("a check").clone();
            (check.title, check.severity.name())
        };
        let severity = |tags| {
            let all = catalogues.written(&tags).expect("written");
            all.into_iter().find(|check| check.id == "disk-space-low").expect("a check").severity.name()
        };
        assert_eq!((severity(tags(&[])), severity(tags(&[("site", "bonn"), ("ring", "1")]))), ("low", "high"));
        let for_some = catalogues.for_some();
        assert_eq!((for_some.len(), for_some[0].0.as_str()), (1, "checks/berlin.toml"));
        assert_eq!(says(tags(&[])), ("Everywhere".to_owned(), "low"));
        assert_eq!(says(tags(&[("site", "berlin")])), ("Everywhere".to_owned(), "low"), "the ring is another");
        assert_eq!(says(tags(&[("site", "bonn"), ("ring", "1")])), ("Everywhere".to_owned(), "high"));
        put("bad.toml", "[only_for]\nsite = \"rome\"\n[[check]]\nid = \"disk-space-low\"\nseverity = \"huge\"\n");
        assert!(catalogues.reload().expect_err("refused").to_string().contains("bad.toml:5"));
        assert_eq!(says(tags(&[("site", "bonn"), ("ring", "1")])).1, "high", "everything stays as it was");
    }

    /// Thirty closed tickets of a symptom, with this finding confirmed on twenty-five.
    fn shown(symptom: &str, check: &str) -> Counts {
        let confirmed = BTreeMap::from([(check.to_owned(), 25)]);
        Counts::from([(symptom.to_owned(), SymptomCounts { tickets: 30, confirmed })])
    }

    #[test]
    fn the_order_of_closed_tickets_is_in_force_for_everybody_and_over_a_reload() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(FOLDER)).expect("a folder");
        let text = "[only_for]\nring = \"1\"\n[[check]]\nid = \"disk-space-low\"\nseverity = \"high\"\n";
        std::fs::write(folder.path().join("checks/some.toml"), text).expect("a file");
        let catalogues = Catalogues::open(folder.path());
        let first =
            |catalogue: Arc<Catalogue>| catalogue.symptom("disk-full").expect("a symptom").candidates[0].clone();
        let ring = BTreeMap::from([("ring".to_owned(), "1".to_owned())]);
        let all = || [catalogues.current(), catalogues.for_tags(&ring), catalogues.prior()].map(first);
        assert_eq!(all(), ["disk-space-critical"; 3]);
        let version = catalogues.current().version().to_owned();
        catalogues.order_by(shown("disk-full", "inodes-exhausted"));
        let ordered = ["inodes-exhausted", "inodes-exhausted", "disk-space-critical"];
        assert_eq!(all(), ordered);
        assert_ne!(catalogues.current().version(), version);
        catalogues.reload().expect("good files");
        assert_eq!(all(), ordered);
        catalogues.order_by(Counts::new());
        assert_eq!((all(), catalogues.current().version()), (["disk-space-critical"; 3].map(str::to_owned), &*version));
    }

    #[test]
    fn counts_of_what_a_catalogue_does_not_have_change_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let catalogues = Catalogues::open(folder.path());
        for counts in [shown("gone", "disk-space-low"), shown("disk-full", "gone")] {
            catalogues.order_by(counts);
            assert_eq!(catalogues.current().version(), Catalogue::builtin().version());
        }
    }

    #[test]
    fn a_collector_with_bad_files_starts_with_the_embedded_catalogue() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(FOLDER)).expect("a folder");
        std::fs::write(folder.path().join("checks/mine.toml"), "this is not TOML").expect("a file");
        assert_eq!(Catalogues::open(folder.path()).current().version(), Catalogue::builtin().version());
    }
}
