//! Which modules are loaded while checks run.
//!
//! Python writes the byte code of each module that it loads from source into a folder that
//! `PYTHONPYCACHEPREFIX` names, and reads none from elsewhere then (*Python setup and usage*). That folder is one
//! of this machine's, so that nothing in the program is changed, processes that it starts count as well, and a
//! service that is killed has left all it loaded.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use lightship_codec::tar::RootPath;
use lightship_sandbox::snapshot::Prepared;
use lightship_sandbox::{Mount, MountContent, Spec};
use tempfile::TempDir;

use crate::bytecode::Profile;

/// Where the folder is seen inside.
const INSIDE: &str = "/run/lightship-profile";

/// No program loads modules from folders inside so many others, nor so many of them.
const MOST_DEPTH: usize = 100;
const MOST_ENTRIES: usize = 1 << 20;

/// Takes note of what Python loads.
#[derive(Debug)]
pub struct Recording {
    folder: TempDir,
    /// Of the folders inside: each command has its own, since commands may be different users.
    next: AtomicUsize,
    failure: OnceLock<io::Error>,
}

impl Recording {
    /// Takes note in a folder inside this one, for as long as it lives.
    pub fn begin(scratch: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("profile-").tempdir_in(scratch)?;
        Ok(Self { folder, next: AtomicUsize::new(0), failure: OnceLock::new() })
    }

    /// Has a command leave notes.
    pub(super) fn watch(&self, spec: &mut Spec) {
        match self.folder() {
            Ok(folder) => {
                let content = MountContent::Counted(folder);
                spec.mounts.push(Mount { target: INSIDE.into(), content });
                spec.set_variable("PYTHONPYCACHEPREFIX", INSIDE);
                // Many images say that nothing shall be written; empty is as if nobody did.
                spec.set_variable("PYTHONDONTWRITEBYTECODE", "");
            }
            // The first is as good as any other, and is told at the end.
            Err(failure) => drop(self.failure.set(failure)),
        }
    }

    /// A new folder that every user may write into.
    fn folder(&self) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.path().join(number.to_string());
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        Ok(folder)
    }

    /// The modules that were loaded and have no byte code in their image.
    pub fn end(self, image: &Prepared) -> io::Result<Profile> {
        if let Some(failure) = self.failure.into_inner() {
            return Err(failure);
        }
        let mut found = Vec::new();
        for number in 0..self.next.into_inner() {
            let root = self.folder.path().join(number.to_string());
            look(&root, &mut PathBuf::new(), 0, &mut found);
        }
        let mut profile = Profile::default();
        for file in found {
            // What is no UTF-8 has no name that could be imported.
            let Some((folder, name)) = file.to_str().and_then(|file| file.rsplit_once('/')) else {
                continue;
            };
            let Some(stem) = name.strip_suffix(".pyc").and_then(|name| name.split('.').next())
            else {
                continue;
            };
            let source = format!("{folder}/{stem}.py");
            let has = |path: &str| {
                RootPath::parse(path.as_bytes()).is_ok_and(|path| image.open_file(&path).is_ok())
            };
            // A source that is a link gets no byte code.
            if has(&source) && !has(&format!("{folder}/__pycache__/{name}")) {
                profile.add_source(&source);
            }
        }
        Ok(profile)
    }
}

/// The files below a folder that a program made as it pleased. No link is followed, and what it hid from us is
/// passed over.
fn look(root: &Path, inner: &mut PathBuf, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root.join(&*inner)) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        inner.push(entry.file_name());
        if kind.is_dir() && depth < MOST_DEPTH {
            look(root, inner, depth + 1, found);
        } else if kind.is_file() && found.len() < MOST_ENTRIES {
            found.push(inner.clone());
        }
        inner.pop();
    }
}
