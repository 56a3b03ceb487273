//! What the image runs.

use std::path::Path;

use lightship_dockerfile::{At, Facts, Form};

use super::evidence::{Evidence, Inferred, Note};
use super::files::Toml;
use super::words::CommandLine;
use super::{ProjectError, Settings};

/// What the image runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What always runs.
    pub entrypoint: Option<Inferred<CommandLine>>,
    /// What runs, or the entry point's arguments.
    pub cmd: Option<Inferred<CommandLine>>,
    /// Whether a shell must be in the image for them.
    pub needs_shell: bool,
}

/// The largest source file that is looked into for `if __name__ == "__main__"`.
const MOST_BYTES: u64 = 1 << 20;

/// Files that people start programs with.
const STARTS: [&str; 4] = ["__main__.py", "main.py", "app.py", "job.py"];

/// Decides: settings (whose command leaves the Dockerfile's entry point as it is), Dockerfile, the one script of `pyproject.toml`, the one file that can be started.
pub(super) fn find(
    folder: &Path,
    settings: &Settings,
    dockerfile: Option<(&str, &Facts)>,
    pyproject: Option<&Toml<'_>>,
    notes: &mut Vec<Note>,
) -> Result<Entry, ProjectError> {
    let image = &settings.image;
    let written = |line: &Option<CommandLine>| {
        line.clone().map(|line| Inferred::new(line, Evidence::settings()))
    };
    let (entrypoint, cmd) = (written(&image.entrypoint), written(&image.cmd));
    if entrypoint.is_some() {
        return Ok(Entry { entrypoint, cmd, needs_shell: false });
    }
    let own = cmd.clone();
    let told = dockerfile.and_then(|(file, facts)| of_dockerfile((file, facts), own, notes));
    if let Some(entry) = told {
        return Ok(entry);
    }
    if cmd.is_some() {
        return Ok(Entry { entrypoint: None, cmd, needs_shell: false });
    }
    let found = match script(pyproject, notes) {
        Some(found) => Some(found),
        None => start(folder, notes)?,
    };
    Ok(Entry { entrypoint: found, cmd: None, needs_shell: false })
}

fn of_dockerfile(
    (file, facts): (&str, &Facts),
    own_cmd: Option<Inferred<CommandLine>>,
    notes: &mut Vec<Note>,
) -> Option<Entry> {
    let mut needs_shell = false;
    let mut read = |form: &At<Form>| {
        let (line, needs) = line(&form.value)?;
        needs_shell |= needs;
        Some(Inferred::new(line, Evidence::line(file, form.line)))
    };
    let entrypoint = facts.entrypoint.as_ref().and_then(&mut read);
    let cmd = own_cmd.or_else(|| facts.cmd.as_ref().and_then(&mut read));
    let any = entrypoint.is_some() || cmd.is_some();
    // *Dockerfile reference, Understand how CMD and ENTRYPOINT interact*: a shell that is given its text
    // hands no arguments on.
    let of_shell = |at: &At<Form>| matches!(at.value, Form::Shell(_));
    let deaf = entrypoint.is_some() && facts.entrypoint.as_ref().is_some_and(of_shell);
    let (ignored, cmd) = if deaf { (cmd, None) } else { (None, cmd) };
    notes.extend(ignored.map(|cmd| {
        let text = "CMD does not count: an ENTRYPOINT without brackets takes no arguments";
        Note { from: cmd.from, text: text.to_owned() }
    }));
    any.then_some(Entry { entrypoint, cmd, needs_shell })
}

/// What a form runs, and whether a shell has to run it.
pub(super) fn line(form: &Form) -> Option<(CommandLine, bool)> {
    match form {
        Form::Exec(words) => Some((CommandLine::new(words.clone()).ok()?, false)),
        Form::Shell(text) if text.trim().is_empty() => None,
        Form::Shell(text) => {
            // A line that only names a program and its arguments needs no shell to start it.
            let plain = text.trim().strip_prefix("exec ").unwrap_or(text.as_str());
            let split = CommandLine::split(plain).map(|line| (line, false));
            Some(split.unwrap_or_else(|_| (shell_line(text), true)))
        }
    }
}

fn shell_line(text: &str) -> CommandLine {
    let words = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
    CommandLine::new(words).expect("three words are not none")
}

/// The one script of `[project.scripts]`, started without its launcher: the project is copied, not
/// installed.
fn script(pyproject: Option<&Toml<'_>>, notes: &mut Vec<Note>) -> Option<Inferred<CommandLine>> {
    let toml = pyproject?;
    let scripts = toml.strings(&["project", "scripts"]);
    let [(name, target)] = scripts.as_slice() else {
        if let Some((_, second)) = scripts.get(1) {
            let names: Vec<&str> = scripts.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("several scripts ({}): say which one runs", names.join(", "));
            notes.push(Note { from: second.from.clone(), text });
        }
        return None;
    };
    // *PyPA, Entry points specification*: `module:object.attribute [extras]`.
    let plain = target.value.split('[').next().unwrap_or_default();
    let (module, object) = plain.split_once(':')?;
    let (module, object) = (module.trim(), object.trim());
    let dotted = |text: &str| {
        let fine =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        text.split('.').all(fine)
    };
    if !dotted(module) || !dotted(object) {
        let text = format!("script {name} names no function");
        notes.push(Note { from: target.from.clone(), text });
        return None;
    }
    let first = object.split('.').next().unwrap_or(object);
    let program = format!("import sys; from {module} import {first}; sys.exit({object}())");
    let words = ["python", "-c", &program].map(str::to_owned).to_vec();
    let line = CommandLine::new(words).expect("three words are not none");
    Some(Inferred::new(line, target.from.clone()))
}

/// The one file that can be started.
fn start(
    folder: &Path,
    notes: &mut Vec<Note>,
) -> Result<Option<Inferred<CommandLine>>, ProjectError> {
    let mut found = Vec::new();
    for name in STARTS {
        found.extend(starts(folder, name)?);
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => {
            let file = if one.file == "__main__.py" { "." } else { one.file.as_str() };
            let words = ["python", file].map(str::to_owned).to_vec();
            let line = CommandLine::new(words).expect("two words are not none");
            Ok(Some(Inferred::new(line, one.clone())))
        }
        [first, ..] => {
            let names: Vec<&str> = found.iter().map(|one| one.file.as_str()).collect();
            let text =
                format!("several files can be started ({}): say which one runs", names.join(", "));
            notes.push(Note { from: first.clone(), text });
            Ok(None)
        }
    }
}

/// What says that a file is one that is started: its name, or a line within it.
fn starts(folder: &Path, name: &str) -> Result<Option<Evidence>, ProjectError> {
    let path = folder.join(name);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= MOST_BYTES => {}
        Ok(_) | Err(_) => return Ok(None),
    }
    if name == "__main__.py" {
        return Ok(Some(Evidence::file(name)));
    }
    let bytes = std::fs::read(&path).map_err(|source| ProjectError::Io { path, source })?;
    let text = String::from_utf8_lossy(&bytes);
    let guard = |line: &str| {
        line.strip_prefix("if").is_some_and(|rest| {
            let rest: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
            let rest = rest.replace('\'', "\"");
            rest.starts_with("__name__==\"__main__\"") || rest.starts_with("\"__main__\"==__name__")
        })
    };
    let guarded = text.lines().zip(1..).find(|(line, _)| guard(line));
    Ok(guarded.map(|(_, number)| Evidence::line(name, number)))
}
