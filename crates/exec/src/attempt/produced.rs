//! Where a task's artifacts are: in its own folder, as it was told, or elsewhere in its file system, from where they are
//! fetched.

use std::os::fd::BorrowedFd;
use std::path::{Component, Path};

use lightship_engine::{Failure, Reason};
use lightship_ir::exchange::{Artifact, Produced};
use rustix::io::Errno;

use super::Attempt;
use crate::artifacts::place;
use crate::beneath::{Kind, inside};
use crate::copy::{Budget, copy};

/// Sees to it that each artifact is where its URI says, and that no URI names what is not the task's to name: what it
/// names is read here, and shown to other tasks. `view` is the task's root, where it has one that is still there.
pub(crate) fn settle(
    attempt: &Attempt,
    produced: &mut Produced,
    view: Option<BorrowedFd<'_>>,
    budget: &mut Budget,
) -> Result<(), Failure> {
    for (name, artifacts) in &mut produced.artifacts {
        for (number, artifact) in artifacts.iter_mut().enumerate() {
            let wrong = |why: String| {
                Failure::new(Reason::Outputs, format!("output artifact `{name}`: {why}"))
            };
            let whereabouts = whereabouts(attempt, artifact);
            let custom = artifact.custom_path.take();
            match (whereabouts, custom) {
                (Whereabouts::Own | Whereabouts::Elsewhere, Some(path)) => {
                    fetch(attempt, artifact, &path, view, budget).map_err(wrong)?;
                }
                (Whereabouts::Inside(path), custom) => {
                    artifact.uri = provisioned(attempt, name, number);
                    let path = custom.unwrap_or(path);
                    fetch(attempt, artifact, &path, view, budget).map_err(wrong)?;
                }
                (Whereabouts::Own, None) => is_there(attempt, artifact).map_err(wrong)?,
                (Whereabouts::Elsewhere, None) => {}
            }
        }
    }
    Ok(())
}

/// Where a task says that an artifact is.
enum Whereabouts {
    /// In the folder that it was given.
    Own,
    /// At a path, which is one of the task's own file system, whatever this machine has there.
    Inside(String),
    /// Not on this machine, or it is what the task was given.
    Elsewhere,
}

fn whereabouts(attempt: &Attempt, artifact: &Artifact) -> Whereabouts {
    let Some(path) = place(&artifact.uri) else { return Whereabouts::Elsewhere };
    if path.components().all(|part| part != Component::ParentDir) {
        let below = |folder: &Path| path.starts_with(folder);
        if below(&attempt.folders.root) {
            return Whereabouts::Own;
        }
        let mut inputs = attempt.launch.inputs.artifacts.values().flatten();
        if inputs.any(|input| place(&input.uri).is_some_and(below)) {
            return Whereabouts::Elsewhere;
        }
    }
    Whereabouts::Inside(path.display().to_string())
}

/// The URI that an artifact was given; of a list each has its own.
fn provisioned(attempt: &Attempt, name: &str, number: usize) -> String {
    let given = attempt.exchange.outputs.artifacts.get(name);
    let uri = given.map(|artifact| artifact.uri.clone()).unwrap_or_default();
    if number == 0 { uri } else { format!("{uri}-{number}") }
}

/// The path of an artifact in the attempt's own folder.
fn relative<'a>(attempt: &Attempt, artifact: &'a Artifact) -> Option<&'a Path> {
    place(&artifact.uri)?.strip_prefix(&attempt.folders.root).ok()
}

/// That what is there is something that others may have.
fn is_there(attempt: &Attempt, artifact: &Artifact) -> Result<(), String> {
    let Some(path) = relative(attempt, artifact).filter(|path| *path != Path::new("")) else {
        return Ok(());
    };
    let folder = attempt.root().map_err(|failure| failure.message)?;
    match folder.kind(path).map_err(|error| error.to_string())? {
        // Upstream warns, and so does whoever takes it.
        Kind::File | Kind::Folder | Kind::Missing => Ok(()),
        Kind::Link => {
            Err("it is a link, which leads nowhere once the task has ended: copy what it leads to"
                .to_owned())
        }
        Kind::Special => Err(format!("it is {}, which nobody else can read", Kind::Special.name())),
    }
}

/// Copies an artifact from where the task put it to where it belongs.
fn fetch(
    attempt: &Attempt,
    artifact: &Artifact,
    path: &str,
    view: Option<BorrowedFd<'_>>,
    budget: &mut Budget,
) -> Result<(), String> {
    let Some(view) = view else {
        return Err(format!("the task put it at {path}, which cannot be looked at here"));
    };
    if Path::new(path).components().all(|part| !matches!(part, Component::Normal(_))) {
        return Err("the task says that it is all of its file system".to_owned());
    }
    let Some(to) = relative(attempt, artifact) else {
        return Err(format!("what the task put at {path} cannot be kept at {}", artifact.uri));
    };
    let name = to.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{} names no file", artifact.uri))?;
    let from = match inside(view, Path::new(path)) {
        Ok(from) => from,
        // As an artifact that was not written where it belongs.
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(format!("cannot open {path}, where the task put it: {error}")),
    };
    let root = attempt.root().map_err(|failure| failure.message)?;
    let folder = root.make(to.parent().unwrap_or(Path::new("")));
    folder
        .and_then(|folder| copy(from, &folder, name, budget))
        .map_err(|error| format!("cannot keep {path}, where the task put it: {error}"))
}
