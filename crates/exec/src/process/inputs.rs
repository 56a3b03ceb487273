//! What a task is told that sees this machine as it is: files of its own for its output parameters, and copies of the
//! artifacts that it takes.

use std::fs;
use std::path::Path;

use lightship_engine::{Failure, Reason};
use lightship_ir::exchange::Produced;

use super::start_failure;
use crate::artifacts::place;
use crate::attempt::{Attempt, room};
use crate::beneath::Folder;
use crate::copy::{Budget, copy};

/// Copies of artifacts: where each is, and the URI of what it is a copy of.
#[derive(Debug, Default)]
pub(super) struct Copies(Vec<(String, String)>);

/// The attempt as its task is told.
pub(super) fn told(attempt: &Attempt) -> Result<(Attempt, Copies), Failure> {
    let (mut launch, mut exchange) = (attempt.launch.clone(), attempt.exchange.clone());
    attempt.make_folders()?;
    let parameters = &attempt.folders.parameters;
    for (name, file) in &mut exchange.outputs.parameters {
        *file = parameters.join(name).display().to_string();
    }
    let folder = attempt.folders.own.join("inputs");
    let mut copies = Copies::default();
    let mut budget = Budget::of(room(&attempt.folders.own).bytes());
    for artifact in launch.inputs.artifacts.values_mut().flatten() {
        let number = copies.0.len().to_string();
        let Some(copy) = copied(&artifact.uri, &folder.join(number), &mut budget)? else {
            continue;
        };
        copies.0.push((copy.clone(), std::mem::replace(&mut artifact.uri, copy)));
    }
    exchange.inputs = launch.inputs.clone();
    let folders = attempt.folders.clone();
    Ok((Attempt { launch, exchange, folders }, copies))
}

/// The URI of a copy, of the same name in a folder of its own; none where there is nothing on this machine to copy.
fn copied(uri: &str, folder: &Path, budget: &mut Budget) -> Result<Option<String>, Failure> {
    let Some(from) = place(uri) else { return Ok(None) };
    let about = from.symlink_metadata();
    if !about.is_ok_and(|about| about.is_file() || about.is_dir()) {
        return Ok(None);
    }
    let name = from.file_name().and_then(|name| name.to_str()).unwrap_or("artifact");
    let copied = fs::create_dir_all(folder)
        .and_then(|()| copy(fs::File::open(from)?.into(), Folder::open(folder)?, name, budget));
    copied.map_err(|error| {
        Failure::new(Reason::Start, format!("cannot copy its input {uri}: {error}"))
    })?;
    let copy = folder.join(name);
    let copy = copy.to_str().ok_or_else(|| start_failure("its folder's name is no text"))?;
    Ok(Some(copy.to_owned()))
}

impl Copies {
    /// A task may hand on what it was given. What is kept of it is the artifact itself.
    pub(super) fn forget_in(&self, produced: &mut Produced) {
        for artifact in produced.artifacts.values_mut().flatten() {
            if let Some((_, original)) = self.0.iter().find(|(copy, _)| *copy == artifact.uri) {
                artifact.uri.clone_from(original);
            }
        }
    }
}
