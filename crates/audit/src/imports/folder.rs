//! Finds the Python files of a project's folder: what runs, not what only its developers run.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};

use super::{MAX_FILE_BYTES, SourceFile, Unread};

/// So many files are read at most, and so many bytes of them: a folder may be anything.
const MAX_FILES: usize = 20_000;
const MAX_BYTES: u64 = 256 << 20;
/// And so many entries are looked at.
const MAX_ENTRIES: usize = 1_000_000;

/// A project's Python files.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// What runs, in the order of paths.
    pub files: Vec<SourceFile>,
    /// How many were left out because only developers run them: tests, `setup.py`.
    pub development: usize,
    /// Files that could not be read.
    pub unread: Vec<Unread>,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system refused.
    #[error("cannot read the folder {}", path.display())]
    Io {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not a project.
    #[error("{} holds more than {limit}", path.display())]
    TooMuch {
        /// Which folder.
        path: PathBuf,
        /// What the limit is.
        limit: String,
    },
}

impl Diagnose for FolderError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::TooMuch { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Io { .. } => Vec::new(),
            Self::TooMuch { .. } => vec![Hint::new("name the folder of one project")],
        }
    }
}

impl Folder {
    /// Reads all Python files below `root`. Virtual environments, installed packages, caches and hidden
    /// folders are no part of a project; links are not followed.
    pub fn read(root: &Path) -> Result<Self, FolderError> {
        let mut walk = Walk { root, found: Self::default(), entries: 0, bytes: 0 };
        // A folder that cannot be listed is an error for the whole only at the top.
        let mut waiting = vec![String::new()];
        while let Some(folder) = waiting.pop() {
            let inner = walk.list(&folder)?;
            waiting.extend(inner);
        }
        walk.found.files.sort_by(|a, b| a.path.cmp(&b.path));
        walk.found.unread.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(walk.found)
    }
}

struct Walk<'a> {
    root: &'a Path,
    found: Folder,
    entries: usize,
    bytes: u64,
}

impl Walk<'_> {
    /// Takes a folder's files; returns its folders.
    fn list(&mut self, folder: &str) -> Result<Vec<String>, FolderError> {
        let path = self.root.join(folder);
        let failed = |source| FolderError::Io { path: path.clone(), source };
        let mut inner = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(self.too_much(format!("{MAX_ENTRIES} files and folders")));
            }
            // A name that is not UTF-8 is no module's.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let below = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if !is_foreign(&name) && !entry.path().join("pyvenv.cfg").exists() {
                    inner.push(below);
                }
            } else if kind.is_file() && is_python(&name) {
                self.take(below)?;
            }
        }
        Ok(inner)
    }

    fn take(&mut self, path: String) -> Result<(), FolderError> {
        if is_for_development(&path) {
            self.found.development += 1;
            return Ok(());
        }
        match read(&self.root.join(&path)) {
            Ok(text) => {
                self.bytes += text.len() as u64;
                self.found.files.push(SourceFile { path, text });
            }
            Err(why) => self.found.unread.push(Unread { file: path, why }),
        }
        if self.found.files.len() > MAX_FILES {
            return Err(self.too_much(format!("{MAX_FILES} Python files")));
        }
        if self.bytes > MAX_BYTES {
            return Err(self.too_much(format!("{} MiB of Python", MAX_BYTES >> 20)));
        }
        Ok(())
    }

    fn too_much(&self, limit: String) -> FolderError {
        FolderError::TooMuch { path: self.root.to_owned(), limit }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// Whether a name is a Python file's. Python itself takes no other case.
fn is_python(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "py")
}

/// Folders whose Python files somebody else wrote, or a tool made.
fn is_foreign(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "__pycache__",
        "site-packages",
        "dist-packages",
        "node_modules",
        "venv",
        "env",
        "build",
        "dist",
        "__pypackages__",
    ];
    name.starts_with('.') || name.ends_with(".egg-info") || NAMES.contains(&name)
}

/// What only developers run: its imports need not be in an image. `path` has `/` between its names.
pub fn is_for_development(path: &str) -> bool {
    const FOLDERS: [&str; 4] = ["tests", "test", "testing", "docs"];
    const FILES: [&str; 5] = ["setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py"];
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|folder| FOLDERS.contains(&folder))
        || FILES.contains(&name)
        || name.starts_with("test_")
        || name.ends_with("_test.py")
}
