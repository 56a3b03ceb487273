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
    indexes: &'a (dyn Fn() -> Result<Vec<Index>, lean::Error> + Sync),
    archives: Mutex<Option<Archives>>,
    files: Mutex<Option<std::sync::Arc<index::Finder>>>,
}

impl<'a> Finder<'a> {
    /// Asks nobody yet. `suite` is the code name of the lock's suite; `indexes` are found out at the first
    /// need, because the user's own resolver may have to be asked for them.
    pub fn new(
        supplies: &'a Supplies,
        architecture: &'a str,
        suite: &'a str,
        indexes: &'a (dyn Fn() -> Result<Vec<Index>, lean::Error> + Sync),
        progress: &'a dyn Progress,
    ) -> Self {
        let (archives, files) = (Mutex::default(), Mutex::default());
        Self { supplies, architecture, suite, progress, indexes, archives, files }
    }

    fn files(&self) -> Result<std::sync::Arc<index::Finder>, lean::Error> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.is_none() {
            let fetcher = self.supplies.fetcher.clone();
            *files = Some(std::sync::Arc::new(index::Finder::new(fetcher, (self.indexes)()?)));
        }
        Ok(std::sync::Arc::clone(files.as_ref().expect("it was just made")))
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
        Ok(self.files()?.fetch(&wanted, progress)?)
    }
}
