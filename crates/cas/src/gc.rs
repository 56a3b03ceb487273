//! Collection: everything that neither a ref nor a live lease leads to is deleted.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use lightship_base::Timestamp;
use serde::Serialize;

use crate::graph::{Children, Graph, inventory};
use crate::layout::read_dir;
use crate::lease::{self, Survey};
use crate::lock::{self, Exclusive, Shared};
use crate::writer::lock_for_removal;
use crate::{Cas, Error, Tally, refs};

/// How to collect.
#[derive(Debug, Clone, Copy, Default)]
pub struct GcOptions {
    /// Only say what would be deleted.
    pub dry_run: bool,
    /// Also delete interrupted downloads that grew last before this moment. `None` keeps them all.
    pub partials_before: Option<Timestamp>,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Whether nothing was really deleted.
    pub dry_run: bool,
    /// Blobs deleted.
    pub freed: Tally,
    /// Blobs kept.
    pub kept: Tally,
    /// Temporary files of ended processes deleted.
    pub temporary: Tally,
    /// Interrupted downloads deleted.
    pub partial: Tally,
    /// Leases of ended processes deleted.
    pub dead_leases: u64,
}

/// A dry run only looks, so it does not keep others waiting, and what it says is a moment's picture.
enum Guard {
    Looking { _lock: Shared },
    Deleting { _lock: Exclusive },
}

impl Guard {
    /// Deletes, or does nothing on a dry run. What is gone already is fine.
    fn remove(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Looking { .. } => Ok(()),
            Self::Deleting { .. } => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io("delete", path)(error))
                }
                _ => Ok(()),
            },
        }
    }
}

impl Cas {
    /// Deletes what nothing leads to. Others wait meanwhile whenever they lease or publish something;
    /// blobs that are open stay readable. Stopped or failing midway it has deleted only garbage.
    pub fn gc(&self, children: Children<'_>, options: GcOptions) -> Result<GcReport, Error> {
        let layout = &self.layout;
        let guard = if options.dry_run {
            Guard::Looking { _lock: lock::shared(layout)? }
        } else {
            Guard::Deleting { _lock: lock::exclusive(layout)? }
        };
        let leases = lease::survey(layout)?;
        let refs = refs::all(layout)?;
        let inventory = inventory(layout)?;
        let named = refs.into_iter().flat_map(|(_, entries)| entries);
        let roots = named.flat_map(|entry| entry.value.roots).chain(leases.protected.clone());
        let reached = Graph::new(&inventory.blobs, children).reach(roots)?;

        let mut report = GcReport { dry_run: options.dry_run, ..GcReport::default() };
        for (digest, bytes) in &inventory.blobs {
            if reached.present.contains(digest) {
                report.kept.add(*bytes);
            } else {
                guard.remove(&layout.blob(digest))?;
                report.freed.add(*bytes);
            }
        }
        self.sweep_temporary(&guard, &leases, &mut report)?;
        self.sweep_partial(&guard, options.partials_before, &mut report)?;
        // Last: as long as a dead lease is there, its leftovers can be told to be leftovers.
        for path in &leases.dead {
            guard.remove(path)?;
            report.dead_leases += 1;
        }
        Ok(report)
    }

    fn sweep_temporary(
        &self,
        guard: &Guard,
        leases: &Survey,
        report: &mut GcReport,
    ) -> Result<(), Error> {
        for entry in read_dir(&self.layout.tmp())? {
            if leases.owns(&entry.file_name().to_string_lossy()) {
                continue;
            }
            if let Some(bytes) = size_of(&entry)? {
                guard.remove(&entry.path())?;
                report.temporary.add(bytes);
            }
        }
        Ok(())
    }

    fn sweep_partial(
        &self,
        guard: &Guard,
        before: Option<Timestamp>,
        report: &mut GcReport,
    ) -> Result<(), Error> {
        let Some(before) = before else {
            return Ok(());
        };
        for entry in read_dir(&self.layout.partials())? {
            let path = entry.path();
            let Some(_lock) = lock_for_removal(&path)? else {
                continue;
            };
            let Some(bytes) = size_of(&entry)? else {
                continue;
            };
            let changed = entry.metadata().and_then(|found| found.modified());
            let changed = changed.map_err(Error::io("look at", &path))?;
            if Timestamp::try_from(changed).is_ok_and(|changed| changed < before) {
                guard.remove(&path)?;
                report.partial.add(bytes);
            }
        }
        Ok(())
    }
}

/// A file's size; `None` if it is gone.
pub(crate) fn size_of(entry: &DirEntry) -> Result<Option<u64>, Error> {
    match entry.metadata() {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", &entry.path())(error)),
    }
}
