//! `lightship runs rm`: what is recorded of runs, their logs and workspaces, and artifacts that nobody else needs.
//!
//! The record goes first: from then on nobody finds the run. Folders that a removal left behind that was killed, or that
//! the cache needed when their run was removed, are found by the next one.

mod prune;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use lightship_base::{ByteSize, Clock as _, SystemClock};
use lightship_engine::{RunId, RunQuery, Sort, Store as _};

use super::super::PipelineError;
use super::super::drive::held;
use super::super::drive::lock::RunLock;
use super::super::record::Record;
use crate::args::RunsRemoveArgs;
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes;
use crate::settings::Settings;
use crate::views::runs::removed::{RemovedDocument, RemovedRun};
use prune::{Pruned, prune};

pub(super) fn run(args: &RunsRemoveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    // What tasks wrote may belong to subordinate ids. Where those cannot be had any more, removing says what stays.
    let _ = sandboxes::enter_subordinate_ids();
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let Chosen { runs, driven } = chosen(args, &record)?;
    let unnamed = args.runs.is_empty();
    if unnamed && !args.yes && !args.dry_run && !runs.is_empty() {
        return Err(PipelineError::Unconfirmed { count: runs.len() }.into());
    }
    let mut document =
        RemovedDocument { dry_run: args.dry_run, driven, ..RemovedDocument::default() };
    let removal = Removal { record: &record, settings: &settings, args, runs: &runs };
    // All of them, before the first is removed: one that is driven removes nothing.
    let locks = if args.dry_run { Vec::new() } else { removal.lock()? };
    for run in &runs {
        document.runs.push(removal.remove(run)?);
    }
    drop(locks);
    document.leftover_bytes = removal.leftovers()?;
    document.freed_bytes = document.runs.iter().map(|run| run.freed_bytes).sum();
    document.freed_bytes += document.leftover_bytes;
    document.kept_bytes = document.runs.iter().map(|run| run.kept_bytes).sum();
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

/// Which runs.
struct Chosen {
    runs: Vec<RunId>,
    /// Those that would be chosen, had nobody driven them.
    driven: Vec<String>,
}

fn chosen(args: &RunsRemoveArgs, record: &Record) -> Result<Chosen, Error> {
    let mut chosen = Chosen { runs: Vec::new(), driven: Vec::new() };
    if !args.runs.is_empty() {
        for words in &args.runs {
            let run = record.named(words)?;
            if !chosen.runs.contains(&run) {
                chosen.runs.push(run);
            }
        }
        return Ok(chosen);
    }
    let before = args.older_than.and_then(|age| {
        let age = jiff::SignedDuration::try_from(age.0).ok()?;
        SystemClock.now().checked_sub(age).ok()
    });
    let query = RunQuery { limit: Some(u32::MAX), sort: Sort::default(), ..RunQuery::default() };
    let all = record.wait(record.store.runs(&query)).map_err(PipelineError::from)?;
    for run in all.items.into_iter().filter(|run| before.is_none_or(|before| run.created < before))
    {
        if record.is_driven(&run.id)? {
            chosen.driven.push(run.id.to_string());
        } else {
            chosen.runs.push(run.id);
        }
    }
    Ok(chosen)
}

struct Removal<'r> {
    record: &'r Record,
    settings: &'r Settings,
    args: &'r RunsRemoveArgs,
    /// All that go.
    runs: &'r [RunId],
}

impl Removal<'_> {
    fn lock(&self) -> Result<Vec<RunLock>, Error> {
        self.runs.iter().map(|run| self.record.lock(run)).collect()
    }

    fn remove(&self, run: &RunId) -> Result<RemovedRun, Error> {
        let store = &self.record.store;
        if !self.args.dry_run {
            if self.args.results {
                self.record.wait(store.forget_results(run)).map_err(PipelineError::from)?;
            }
            held::release(&Images::new(self.settings, false), run)?;
        }
        // Found out while the record still says it.
        let (folders, keep) = self.artifacts(run)?;
        if !self.args.dry_run {
            self.record.wait(store.remove(run)).map_err(PipelineError::from)?;
        }
        let mut pruned = Pruned::default();
        for folder in folders {
            prune(&folder, &keep, self.args.dry_run, &mut pruned)?;
            self.tidy(&folder);
        }
        prune(&self.record.folder(run), &BTreeSet::new(), self.args.dry_run, &mut pruned)?;
        Ok(RemovedRun { id: run.to_string(), freed_bytes: pruned.freed, kept_bytes: pruned.kept })
    }

    /// The folders of a run's artifacts, and what of them others need.
    fn artifacts(&self, run: &RunId) -> Result<(Vec<PathBuf>, BTreeSet<PathBuf>), Error> {
        let mut folders = Vec::new();
        let mut keep = BTreeSet::new();
        for pipeline in entries(&self.record.artifacts())? {
            let folder = pipeline.join(run.as_str());
            if folder.is_dir() {
                let prefix = format!("{}/", folder.display());
                let needed = self.record.store.referred_to(&prefix, self.runs, self.args.results);
                let needed = self.record.wait(needed).map_err(PipelineError::from)?;
                keep.extend(needed.into_iter().map(PathBuf::from));
                folders.push(folder);
            }
        }
        Ok((folders, keep))
    }

    /// Folders that belong to no run any more.
    fn leftovers(&self) -> Result<ByteSize, Error> {
        let ids = self.record.wait(self.record.store.run_ids()).map_err(PipelineError::from)?;
        let known: HashSet<&str> = ids.iter().chain(self.runs).map(RunId::as_str).collect();
        let mut pruned = Pruned::default();
        for folder in self.strays(&known, &self.record.runs())? {
            prune(&folder, &BTreeSet::new(), self.args.dry_run, &mut pruned)?;
        }
        for pipeline in entries(&self.record.artifacts())? {
            for folder in self.strays(&known, &pipeline)? {
                let prefix = format!("{}/", folder.display());
                let needed = self.record.store.referred_to(&prefix, &[], false);
                let needed = self.record.wait(needed).map_err(PipelineError::from)?;
                let keep = needed.into_iter().map(PathBuf::from).collect();
                prune(&folder, &keep, self.args.dry_run, &mut pruned)?;
                self.tidy(&folder);
            }
        }
        Ok(pruned.freed)
    }

    /// Folders called as runs are called that there are not, and that nobody is about to begin.
    fn strays(&self, known: &HashSet<&str>, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut strays = Vec::new();
        for path in entries(folder)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let run = name.filter(|name| !known.contains(name)).and_then(|name| name.parse().ok());
            if let Some(run) = run
                && !self.record.is_driven(&run)?
            {
                strays.push(path);
            }
        }
        Ok(strays)
    }

    /// Removes the folder of a pipeline that has nothing left in it.
    fn tidy(&self, folder: &Path) {
        if let Some(above) = folder.parent().filter(|_| !self.args.dry_run) {
            // One that has something in it stays.
            let _ = fs::remove_dir(above);
        }
    }
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Error::io("read", folder))?,
    };
    read.map(|entry| entry.map(|entry| entry.path()).map_err(Error::io("read", folder))).collect()
}
