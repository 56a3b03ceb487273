//! Pipelines in Python: compiled by the real SDK, in the user's own Python where that has it, else in an image that is
//! prepared once.
//!
//! What runs is the pipeline's own code, beside a short program (`compile.py`) that loads the file as `kfp dsl compile`
//! does and leaves its answer in a folder. In an image it sees the pipeline's folder, read-only, and no network.

mod answer;
mod error;
mod inside;
mod outside;
mod sdk;

use std::path::{Path, PathBuf};

use lightship_ir::MAX_BYTES;

use self::answer::{Answer, Desk};
pub(super) use self::error::CompileError;
use crate::args::CompileArgs;
use crate::commands::{Context, Error};
use crate::settings::{Settings, Variable};

/// The program that asks the SDK.
const PROGRAM: &str = include_str!("compile.py");

/// A pipeline in Python.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    /// Its file, absolute.
    file: PathBuf,
    /// Which of its pipelines is meant.
    function: Option<String>,
    /// What its code may see beside itself, if it is not the user's own Python that runs it.
    seen: PathBuf,
}

/// The compiled form of a pipeline in Python; nothing where the path names something else.
pub(super) fn compiled(
    path: &Path,
    args: &CompileArgs,
    (settings, offline): (&Settings, bool),
    context: &Context<'_>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(source) = Source::of(path, args, context) else { return Ok(None) };
    std::fs::File::open(&source.file).map_err(Error::io("read", &source.file))?;
    let desk = Desk::open(settings)?;
    if let Some(image) = &args.sdk_image {
        inside::ask(&source, inside::Where::Named(image), &desk, (settings, context))?;
        return finished(&source, &desk).map(Some);
    }
    let pythons = match &args.python {
        Some(python) => vec![outside::named(python, settings, context)?],
        None => outside::candidates(&source.file, settings, context),
    };
    for python in pythons {
        outside::ask(&source, &python, &desk, context)?;
        match desk.answer()? {
            // Not one that can compile: the next one may.
            None | Some(Answer::Absent) if args.python.is_none() => {}
            None | Some(Answer::Absent) => return Err(CompileError::NoSdk { python }.into()),
            Some(Answer::Old { version }) => {
                return Err(CompileError::Old { python, version }.into());
            }
            Some(_) => return finished(&source, &desk).map(Some),
        }
    }
    let image = inside::Where::Prepared { offline };
    inside::ask(&source, image, &desk, (settings, context))?;
    finished(&source, &desk).map(Some)
}

/// The compiled pipeline, or why there is none.
fn finished(source: &Source, desk: &Desk) -> Result<Vec<u8>, Error> {
    let file = source.file.clone();
    Err(match desk.answer()? {
        Some(Answer::Compiled) => return desk.pipeline(MAX_BYTES as u64 + 1),
        Some(Answer::None) => CompileError::NoPipeline { file },
        Some(Answer::Several { choices }) => CompileError::Several { file, choices },
        Some(Answer::Unknown { choices }) => {
            let function = source.function.clone().unwrap_or_default();
            CompileError::NoSuchFunction { file, function, choices }
        }
        Some(Answer::Raised(raised)) => {
            let source = raised.told(&source.seen);
            CompileError::Raised { file, missing: raised.missing, source }
        }
        Some(Answer::Old { version }) => {
            CompileError::Old { python: "the image's Python".into(), version }
        }
        None | Some(Answer::Absent) => CompileError::NoSdk { python: "the image's Python".into() },
        Some(Answer::Began) => CompileError::Died { file, said: desk.said() },
    }
    .into())
}

impl Source {
    /// `FILE.py` or `FILE.py:FUNCTION`.
    fn of(path: &Path, args: &CompileArgs, context: &Context<'_>) -> Option<Self> {
        let (file, function) = split(path)?;
        let here = context.environment.absolute(Path::new(""));
        let home = context.environment.path(Variable::Home);
        let file = std::path::absolute(context.environment.absolute(&file)).ok()?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        // Pipelines read components and modules that lie beside them, or where they are run from. All of a machine, or
        // of a user's home, is too much to show.
        let wide = here.parent().is_none() || Some(&here) == home.as_ref();
        let seen = if !wide && file.starts_with(&here) { here } else { folder };
        Some(Self { file, function: args.function.clone().or(function), seen })
    }
}

fn split(path: &Path) -> Option<(PathBuf, Option<String>)> {
    if path.extension().is_some_and(|ending| ending == "py") {
        return Some((path.to_owned(), None));
    }
    let (file, function) = path.to_str()?.rsplit_once(".py:")?;
    let is_name = !function.is_empty() && function.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then(|| (PathBuf::from(format!("{file}.py")), Some(function.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_may_stand_behind_the_file() {
        let parts = |text: &str| split(Path::new(text));
        let file = |text: &str| PathBuf::from(text);
        assert_eq!(parts("a/p.py"), Some((file("a/p.py"), None)));
        assert_eq!(parts("p.py:train"), Some((file("p.py"), Some("train".to_owned()))));
        assert_eq!(parts("p.py:"), None);
        assert_eq!(parts("p.py:a/b.yaml"), None);
        assert_eq!(parts("pipeline.yaml"), None);
    }
}
