//! The Python source inside an image, as one of its own interpreters sees it.

use std::path::Path;

use lightship_audit::imports::{Folder, MAX_FILE_BYTES, SourceFile, is_for_development};
use lightship_oci::spec::RunConfig;
use lightship_sandbox::Error as SandboxError;
use serde::Deserialize;

use super::imports::with_python;
use super::run::Subject;
use super::{Around, Check, EntryPointCheck, Kind};

/// Writes each Python file below the folders in its arguments as a line of JSON.
const SCRIPT: &str = include_str!("source.py");

/// So much source is read at most; the script stops there, too.
const MAX_BYTES: usize = 64 << 20;

#[derive(Debug, Deserialize)]
struct Line {
    path: String,
    text: String,
}

/// The folders where an image's own source is: where its command starts, and where the scripts are that
/// it names. The root is none: everything is below it.
pub(super) fn folders(config: &RunConfig) -> Vec<String> {
    let start = config.working_dir.as_deref().unwrap_or("/");
    let words = config.entrypoint.iter().chain(&config.cmd).flatten();
    let is_script = |word: &&String| Path::new(word).extension().is_some_and(|e| e == "py");
    let scripts = words.filter(is_script).map(|word| {
        let path = if word.starts_with('/') { word.clone() } else { format!("{start}/{word}") };
        path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
    });
    let mut folders: Vec<String> = std::iter::once(start.to_owned())
        .chain(scripts)
        .map(|folder| folder.trim_end_matches('/').to_owned())
        .filter(|folder| !folder.is_empty())
        .collect();
    folders.sort();
    folders.dedup();
    // What is below another one is read with that.
    let all = folders.clone();
    folders.retain(|inner| !all.iter().any(|outer| inner.starts_with(&format!("{outer}/"))));
    folders
}

/// The Python files in these folders. Fails like any command; an image without Python is one that does
/// not have the program.
pub(super) fn read(subject: &Subject<'_>, folders: &[String]) -> Result<Folder, SandboxError> {
    let check = Check {
        name: String::new(),
        kind: Kind::EntryPoint(EntryPointCheck { watch: std::time::Duration::ZERO }),
        around: Around::default(),
    };
    let time = subject.time(&check);
    let ran = with_python(subject, |python| {
        let limits = [MAX_FILE_BYTES.to_string(), MAX_BYTES.to_string()];
        let mut command = vec![python.to_owned(), "-c".to_owned(), SCRIPT.to_owned()];
        command.extend(limits.into_iter().chain(folders.iter().cloned()));
        subject.run_keeping(subject.spec(&check, Some(&command)), time, 2 * MAX_BYTES)
    })?;
    let mut found = Folder::default();
    for line in ran.stdout.head().split(|byte| *byte == b'\n') {
        let Ok(Line { path, text }) = serde_json::from_slice(line) else { continue };
        if is_for_development(&path) {
            found.development += 1;
        } else {
            found.files.push(SourceFile { path, text });
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_is_where_commands_start_and_scripts_are() {
        let of = |folder: &str, words: &[&str]| {
            folders(&RunConfig {
                working_dir: Some(folder.to_owned()),
                entrypoint: Some(words.iter().map(|word| (*word).to_owned()).collect()),
                ..RunConfig::default()
            })
        };
        assert_eq!(of("/app", &["python", "main.py"]), ["/app"]);
        assert_eq!(of("/app/", &["python", "jobs/main.py"]), ["/app"]);
        assert_eq!(of("/", &["python", "/srv/main.py"]), ["/srv"]);
        assert_eq!(of("/data", &["python", "/srv/main.py"]), ["/data", "/srv"]);
        assert_eq!(of("/", &["python", "/main.py"]), Vec::<String>::new());
        assert_eq!(folders(&RunConfig::default()), Vec::<String>::new());
    }
}
