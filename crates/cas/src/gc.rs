//! Collection: everything that neither a ref nor a live lease leads to is deleted.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Digest, Timestamp};
use serde::Serialize;

use crate::graph::{Children, Graph, Trace, inventory};
use crate::layout::{create_unique_folder, read_dir};
use crate::lease::{self, Survey};
use crate::lock::{self, Exclusive, Shared};
use crate::remove::remove_tree;
use crate::writer::lock_for_removal;
use crate::{Cas, Error, RefKind, Tally, refs, tree};

/// Removes a folder with everything in it, or a file. What is gone already is fine. [`remove_tree`]
/// does it as the caller; trees that belong to other ids need somebody who may act for those.
pub type Remove<'a> = &'a dyn Fn(&Path) -> io::Result<()>;

/// How to collect.
#[derive(Debug, Clone, Copy, Default)]
pub struct GcOptions {
    /// Only say what would be deleted.
    pub dry_run: bool,
    /// Also delete interrupted downloads that grew last before this moment. `None` keeps them all.
    pub partials_before: Option<Timestamp>,
    /// Also let go of names that nobody used for a while. `None` keeps them all.
    pub unused: Option<Unused>,
}

/// Names that may go because they only save time: what they keep can be had again.
#[derive(Debug, Clone, Copy)]
pub struct Unused {
    /// Which kinds of names these are.
    pub kinds: &'static [RefKind],
    /// Those that were set, and pinned, last before this moment.
    pub before: Timestamp,
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
    /// Trees deleted.
    pub freed_trees: Tally,
    /// Trees kept.
    pub kept_trees: Tally,
    /// Temporary files and unfinished trees of ended processes deleted.
    pub temporary: Tally,
    /// Interrupted downloads deleted.
    pub partial: Tally,
    /// Leases of ended processes deleted.
    pub dead_leases: u64,
    /// Names let go of because nobody used them.
    pub unused: u64,
}

/// A dry run only looks, so it does not keep others waiting, and what it says is a moment's picture.
enum Guard {
    Looking { _lock: Shared },
    Deleting { _lock: Exclusive },
}

/// Trees that no name leads to any more. Removing them takes long, and needs no lock: nobody can find
/// them where they are.
#[derive(Default)]
struct Graves(Vec<PathBuf>);

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

impl Graves {
    /// Takes a tree out of sight in one step, so that nobody ever meets half of it.
    fn bury(&mut self, store: &Cas, guard: &Guard, tree: &Path) -> Result<(), Error> {
        if let Guard::Deleting { .. } = guard {
            // No lease is called so, hence a killed collection leaves a leftover of nobody's.
            let grave = create_unique_folder(&store.layout.tmp(), "gc-", 0o700)?;
            let inside = grave.join("tree");
            self.0.push(grave);
            fs::rename(tree, &inside).map_err(Error::io("move away", tree))?;
        }
        Ok(())
    }

    /// Removes all that can be removed, and tells the first thing that cannot.
    fn clear(self, remove: Remove<'_>) -> Result<(), Error> {
        let mut failed = None;
        for path in self.0 {
            if let Err(error) = remove(&path) {
                failed.get_or_insert_with(|| Error::io("delete", &path)(error));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Cas {
    /// Deletes what nothing leads to. Others wait meanwhile whenever they lease or publish something;
    /// blobs that are open stay readable. Stopped or failing midway it has deleted only garbage.
    ///
    /// Of trees it keeps what leases protect; [`Cas::gc_with`] keeps those that blobs lead to, too.
    pub fn gc(&self, children: Children<'_>, options: GcOptions) -> Result<GcReport, Error> {
        let trace = Trace { blobs: children, trees: &|_| Ok(Vec::new()) };
        self.gc_with(trace, &remove_tree, options)
    }

    /// Like [`Cas::gc`], asking also which trees to keep, and letting `remove` remove trees. A tree
    /// that cannot be removed is an error once everything else is done; it is out of sight then, and
    /// the next collection tries again.
    pub fn gc_with(
        &self,
        trace: Trace<'_>,
        remove: Remove<'_>,
        options: GcOptions,
    ) -> Result<GcReport, Error> {
        let layout = &self.layout;
        let guard = if options.dry_run {
            Guard::Looking { _lock: lock::shared(layout)? }
        } else {
            Guard::Deleting { _lock: lock::exclusive(layout)? }
        };
        let leases = lease::survey(layout)?;
        let unused = match options.unused {
            Some(unused) => refs::older(layout, unused.kinds, unused.before)?,
            None => BTreeSet::new(),
        };
        for path in &unused {
            guard.remove(path)?;
        }
        // Gone for good before any blob goes: else a power failure could bring a name back without it.
        if let (Guard::Deleting { .. }, Some(unused)) = (&guard, options.unused) {
            refs::sync(layout, unused.kinds)?;
        }
        let refs = refs::all_but(layout, &unused)?;
        let inventory = inventory(layout)?;
        let trees = tree::all(layout)?;
        let named = refs.into_iter().flat_map(|(_, entries)| entries);
        let roots = named.flat_map(|entry| entry.value.roots).chain(leases.protected.clone());
        let reached = Graph::new(&inventory.blobs, trace.blobs).reach(roots)?;
        let wanted = trace.wanted_trees(&reached, &trees)?;

        let mut report = GcReport {
            dry_run: options.dry_run,
            unused: unused.len() as u64,
            ..GcReport::default()
        };
        for (digest, bytes) in &inventory.blobs {
            if reached.present.contains(digest) {
                report.kept.add(*bytes);
            } else {
                guard.remove(&layout.blob(digest))?;
                report.freed.add(*bytes);
            }
        }
        // First those of earlier collections that were killed, then those of this one.
        let mut graves = Graves::default();
        self.sweep_temporary(&guard, &leases, &mut graves, &mut report)?;
        self.sweep_trees(&guard, &trees, &wanted, &mut graves, &mut report)?;
        self.sweep_partial(&guard, options.partials_before, &mut report)?;
        // Last: as long as a dead lease is there, its leftovers can be told to be leftovers.
        for path in &leases.dead {
            guard.remove(path)?;
            report.dead_leases += 1;
        }
        drop(guard);
        graves.clear(remove)?;
        Ok(report)
    }

    fn sweep_trees(
        &self,
        guard: &Guard,
        trees: &[tree::Stored],
        wanted: &BTreeSet<Digest>,
        graves: &mut Graves,
        report: &mut GcReport,
    ) -> Result<(), Error> {
        for tree in trees {
            if wanted.contains(&tree.digest) {
                report.kept_trees.add(tree.bytes);
            } else {
                graves.bury(self, guard, &tree.path)?;
                report.freed_trees.add(tree.bytes);
            }
        }
        Ok(())
    }

    fn sweep_temporary(
        &self,
        guard: &Guard,
        leases: &Survey,
        graves: &mut Graves,
        report: &mut GcReport,
    ) -> Result<(), Error> {
        for entry in read_dir(&self.layout.tmp())? {
            if leases.owns(&entry.file_name().to_string_lossy()) {
                continue;
            }
            if let Some(bytes) = size_of(&entry)? {
                match guard {
                    Guard::Deleting { .. } if entry.path().is_dir() => graves.0.push(entry.path()),
                    _ => guard.remove(&entry.path())?,
                }
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

/// A file's size, or that of all files in a folder; `None` if it is gone.
pub(crate) fn size_of(entry: &DirEntry) -> Result<Option<u64>, Error> {
    match entry.metadata() {
        Ok(found) if found.is_dir() => Ok(Some(size_below(&entry.path()))),
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", &entry.path())(error)),
    }
}

/// As far as it can be looked at: an unfinished tree may have folders that nobody may enter, and its
/// maker may be busy with it.
fn size_below(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}
