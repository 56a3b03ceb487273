//! The user's own Python, as it is: what it runs is what `python pipeline.py` would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::answer::Desk;
use super::error::CompileError;
use super::{PROGRAM, Source};
use crate::commands::{Context, Error};
use crate::settings::{Settings, Variable};

/// The Python that `--python` names: a program, a folder of a virtual environment, or a name along `PATH`.
pub(super) fn named(
    python: &Path,
    settings: &Settings,
    context: &Context<'_>,
) -> Result<PathBuf, CompileError> {
    let path = context.environment.absolute(python);
    let places = [path.clone(), path.join("bin/python")];
    let along = settings.search_path.iter().map(|folder| folder.join(python));
    let is_bare = python.components().count() == 1;
    let found = places.into_iter().chain(along.filter(|_| is_bare)).find(|path| path.is_file());
    found.ok_or_else(|| CompileError::NoPython { python: python.to_owned() })
}

/// Pythons that may have the SDK, those before others that are the project's: the active environment, one beside the
/// user or the file, and what is found along `PATH`.
pub(super) fn candidates(file: &Path, settings: &Settings, context: &Context<'_>) -> Vec<PathBuf> {
    let active = context.environment.path(Variable::VirtualEnv);
    let here = context.environment.absolute(Path::new(".venv"));
    let beside = file.parent().map(|folder| folder.join(".venv"));
    let folders = active.into_iter().chain([here]).chain(beside);
    let environments = folders.map(|folder| folder.join("bin/python"));
    let along = ["python3", "python"].into_iter().filter_map(|name| {
        let mut places = settings.search_path.iter().map(|folder| folder.join(name));
        places.find(|path| path.is_file())
    });
    let mut found: Vec<PathBuf> = Vec::new();
    for path in environments.chain(along) {
        if path.is_file() && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// Runs the program beside the SDK in such a Python. What it answers is on the desk.
pub(super) fn ask(
    source: &Source,
    python: &Path,
    desk: &Desk,
    context: &Context<'_>,
) -> Result<(), Error> {
    let failed = |error| CompileError::Start { python: python.to_owned(), source: error };
    let mut command = Command::new(python);
    command.args(["-u", "-c", PROGRAM]).arg(&source.file).arg(desk.folder()).args(&source.function);
    command.current_dir(context.environment.absolute(Path::new("")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(desk.log()?);
    command.status().map_err(failed)?;
    Ok(())
}
