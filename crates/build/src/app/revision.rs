//! The project's revision, from git's own files: no `git` runs. Whether the folder has changes that no
//! commit has is not looked at: that would take reading every file and git's index.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::AppError;

/// No small file of git's is larger.
const MOST_BYTES: u64 = 1 << 16;

/// Symbolic references name references, hardly ever more than one deep.
const DEEPEST: usize = 5;

/// The commit that is checked out in the folder, or in the nearest one above it that git knows: 40 or
/// 64 hex digits. None outside of a repository, and in one without a commit.
pub fn revision(folder: &Path) -> Result<Option<String>, AppError> {
    let Some(git) = folder.ancestors().find_map(repository) else { return Ok(None) };
    let git = git?;
    // A worktree has its own HEAD; references are in the repository that it belongs to.
    let common = match small(&git.join("commondir"))? {
        Some(path) => git.join(path.trim_end()),
        None => git.clone(),
    };
    let Some(mut text) = small(&git.join("HEAD"))? else { return Ok(None) };
    for _ in 0..DEEPEST {
        let line = text.trim_end();
        let Some(name) = line.strip_prefix("ref:").map(str::trim) else {
            return Ok(is_commit(line).then(|| line.to_owned()));
        };
        if !is_reference(name) {
            return Ok(None);
        }
        text = match (small(&git.join(name))?, small(&common.join(name))?) {
            (Some(own), _) => own,
            (None, Some(shared)) => shared,
            (None, None) => return packed(&common.join("packed-refs"), name),
        };
    }
    Ok(None)
}

/// The folder of git's files for a work tree, where it is one. *gitrepository-layout*: `.git` is that
/// folder, or a file that says where it is.
fn repository(folder: &Path) -> Option<Result<PathBuf, AppError>> {
    let git = folder.join(".git");
    let metadata = fs::metadata(&git).ok()?;
    if metadata.is_dir() {
        return Some(Ok(git));
    }
    match small(&git) {
        Ok(text) => Some(Ok(folder.join(text?.strip_prefix("gitdir:")?.trim()))),
        Err(error) => Some(Err(error)),
    }
}

/// A small file's text; none where there is no such file.
fn small(path: &Path) -> Result<Option<String>, AppError> {
    let read = || {
        let mut text = Vec::new();
        File::open(path)?.take(MOST_BYTES).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    absent_is_none(path, read())
}

fn absent_is_none<T>(path: &Path, read: io::Result<T>) -> Result<Option<T>, AppError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory => Ok(None),
            _ => Err(AppError::Io { attempted: "read", path: path.to_owned(), source: error }),
        },
    }
}

/// *git-pack-refs*: lines of a commit and a reference's name.
fn packed(path: &Path, name: &str) -> Result<Option<String>, AppError> {
    let find = || {
        // A line beyond any name's length ends the search.
        let mut lines = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        while lines.by_ref().take(MOST_BYTES).read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            let found = text.trim_end().split_once(' ').filter(|(_, other)| *other == name);
            if let Some((commit, _)) = found {
                return Ok(is_commit(commit).then(|| commit.to_owned()));
            }
            line.clear();
        }
        Ok(None)
    };
    Ok(absent_is_none(path, find())?.flatten())
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// *git-check-ref-format*, as much of it as keeps the name inside git's folder.
fn is_reference(name: &str) -> bool {
    let fine = |part: &str| !part.is_empty() && !part.starts_with('.');
    name.starts_with("refs/") && name.split('/').all(fine) && !name.contains(['\0', '\\'])
}
