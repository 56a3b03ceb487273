//! An interpreter's archive: brought into the store from where the settings say it is.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lightship_build::lean;
use lightship_packages::fetch::{Error as FetchError, Wanted};
use lightship_packages::lock::{Interpreter, Lock, LockedFile};

use super::{ArchiveAt, BasePlace, FilePlace, Kitchen};
use crate::commands::Error;

const COPY_BUFFER: usize = 128 * 1024;

impl Kitchen<'_> {
    /// The archive that the settings name, for a new lock.
    pub(super) fn choose_archive(&self, at: &ArchiveAt) -> Result<Interpreter, Error> {
        let file = LockedFile { name: at.name.clone(), sha256: at.sha256, size: None };
        let path = self.bring_archive(&file)?;
        let size = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        let file = LockedFile { size: Some(size), ..file };
        Ok(Interpreter { platform: self.platform.clone(), file })
    }

    /// The archive that a lock names, in the store; none where it names none.
    pub(super) fn archive(&self, lock: &Lock) -> Result<Option<PathBuf>, Error> {
        let own = lock.interpreters.iter().find(|one| one.platform == self.platform);
        own.map(|one| self.bring_archive(&one.file)).transpose()
    }

    fn bring_archive(&self, file: &LockedFile) -> Result<PathBuf, Error> {
        let wanted = Wanted { name: &file.name, digest: file.sha256, size: file.size };
        let fetcher = &self.supplies.fetcher;
        let failed = |error: FetchError| Error::from(lean::Error::from(error));
        if let Some(path) = fetcher.kept(&wanted).map_err(failed)? {
            return Ok(path);
        }
        match &self.base {
            BasePlace::Archive(ArchiveAt { place: FilePlace::Path(path), .. }) => {
                self.copy_archive(path, &wanted)?;
                let kept = fetcher.kept(&wanted).map_err(failed)?;
                Ok(kept.unwrap_or_else(|| fetcher.cas().blob_path(&file.sha256)))
            }
            BasePlace::Archive(ArchiveAt { place: FilePlace::Url(url), .. }) => {
                let addresses = || Ok::<_, lean::Error>(vec![url.clone()]);
                Ok(fetcher.file(&wanted, addresses, &*self.progress)?)
            }
            BasePlace::Packages | BasePlace::Image(_) => {
                Err(failed(FetchError::NoAddress { what: file.name.clone() }))
            }
        }
    }

    /// Verified on the way: one with another digest is not kept.
    fn copy_archive(&self, path: &Path, wanted: &Wanted<'_>) -> Result<(), Error> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let mut writer = self.supplies.fetcher.lease().writer()?;
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            match file.read(&mut buffer).map_err(Error::io("read", path))? {
                0 => break,
                count => writer.append(&buffer[..count])?,
            }
        }
        let stored = writer.commit(Some(wanted.digest), wanted.size);
        stored.map(drop).map_err(|source| {
            let what = path.display().to_string();
            lean::Error::from(FetchError::Store { what, source }).into()
        })
    }
}
