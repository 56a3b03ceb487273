//! Where the files of a lock are: found out only for what the local store lacks.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lightship_base::Progress;
use lightship_build::lean::{self, IndexFile};
use lightship_net::Url;
use lightship_packages::apt::Archives;
use lightship_packages::index::{self, Index, Wanted};
use lightship_packages::lock::Deb;

use super::Supplies;

/// Finds files.
pub struct Finder<'a> {
    supplies: &'a Supplies,
    architecture: &'a str,
    suite: &'a str,
    progress: &'a dyn Progress,
    archives: Mutex<Option<Archives>>,
    files: index::Finder,
}

impl<'a> Finder<'a> {
    /// Asks nobody yet. `suite` is the code name of the lock's suite, `indexes` are those of Python.
    pub fn new(
        supplies: &'a Supplies,
        architecture: &'a str,
        suite: &'a str,
        indexes: Vec<Index>,
        progress: &'a dyn Progress,
    ) -> Self {
        let files = index::Finder::new(supplies.fetcher.clone(), indexes);
        Self { supplies, architecture, suite, progress, archives: Mutex::default(), files }
    }

    /// Finds files of Python indexes.
    pub fn files(&self) -> &index::Finder {
        &self.files
    }
}

impl lean::Archives for Finder<'_> {
    fn deb(&self, deb: &Deb) -> Result<Vec<Url>, lean::Error> {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        if archives.is_none() {
            let apt = self.supplies.apt(self.architecture, self.progress);
            *archives = Some(lean::archives(&apt, self.suite)?);
        }
        Ok(archives.as_ref().map(|known| known.locate(&deb.archive, &deb.file)).unwrap_or_default())
    }

    fn file(&self, file: &IndexFile<'_>, progress: &dyn Progress) -> Result<PathBuf, lean::Error> {
        let wanted = Wanted { project: file.project, index: file.index, file: file.file };
        Ok(self.files.fetch(&wanted, progress)?)
    }
}
