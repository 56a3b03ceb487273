//! Which modules Python source imports, and where: read with a real parser, so that a word in a string
//! or a comment is never taken for an import, and syntax up to Python 3.14 is understood.
//!
//! [`Folder::read`] finds a project's own files, [`of_files`] what they import from elsewhere. Modules
//! of the project itself and relative imports are left out; the standard library is not: an image may
//! lack parts of it. [`statements`] tells what one text imports, relative ones too, for whoever follows
//! imports from file to file. Source is untrusted: files have a largest size, and are parsed on a thread whose
//! stack holds any nesting that fits into such a file.

mod folder;
mod own;
mod parse;
mod visit;

use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use own::OwnModules;

pub use folder::{Folder, FolderError, is_for_development};
pub use visit::is_module_name;

/// No file of more bytes is parsed. What people write is far smaller; what is larger is data.
pub const MAX_FILE_BYTES: u64 = 512 << 10;

/// For a chain of a million operators, one node inside the other: what drops such a tree recurses.
/// Only pages that are touched are taken from the machine.
pub const STACK_BYTES: usize = 1 << 30;

/// So long all files together may take: a hundred times what any honest project takes. Source that is
/// made to be slow costs a second or so for each file.
const TIME: Duration = Duration::from_secs(30);

/// A Python file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path below the project's folder, with `/` between the names.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One import of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The module's whole name: `sklearn.ensemble`.
    pub module: String,
    /// What is taken from it (`from module import names`); empty where the module itself is imported.
    /// `*` is a name like the others.
    pub names: Vec<String>,
    /// Where.
    pub place: Place,
    /// What keeps it from being needed always.
    pub guard: Option<Guard>,
    /// Whether it is inside a function: imported when that is called.
    pub in_function: bool,
}

/// One import as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// How many dots are before the module's name: 0 is an absolute import, 1 begins at the file's own
    /// package, 2 at the one above (*Python reference, The import statement*).
    pub level: u32,
    /// The module's name after the dots; empty in `from . import name`.
    pub module: String,
    /// What is taken from it; empty where the module itself is imported. `*` is a name like the others.
    pub names: Vec<String>,
    /// What keeps it from being needed always.
    pub guard: Option<Guard>,
    /// Whether it is inside a function: imported when that is called.
    pub in_function: bool,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file's path below the project's folder.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why the program does without a module, or does not import it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Its failure is caught: `try` with `except ImportError`, or `suppress(ImportError)`.
    Caught,
    /// Only for type checkers: `if TYPE_CHECKING`. Never imported when the program runs.
    TypeChecking,
    /// Under a condition on the platform, Python's version or the module's presence.
    Condition,
    /// In a function that is a pipeline's component (decorated with `…component`): it runs in an image
    /// of its own.
    Component,
}

/// What a project's files import from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imports {
    /// Every import, in the order of files and lines.
    pub found: Vec<Import>,
    /// Files that could not be looked at.
    pub unread: Vec<Unread>,
}

/// A file whose imports are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Its path below the project's folder.
    pub file: String,
    /// Why: half a sentence.
    pub why: String,
}

/// What these files import from elsewhere; together they are the project. Fails where the machine gives
/// no thread.
pub fn of_files(files: &[SourceFile]) -> io::Result<Imports> {
    let own = OwnModules::of(files.iter().map(|file| file.path.as_str()));
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("imports".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || collect(files, &own))?;
        // A panic in the parser is its mistake, not the user's: hand it on as it is.
        Ok(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// All imports of one text, in the order of lines; or half a sentence why they are not known. For texts of
/// at most [`MAX_FILE_BYTES`], on a thread whose stack has [`STACK_BYTES`]: a parser's depth is that of
/// its input.
pub fn statements(text: &str) -> Result<Vec<Statement>, String> {
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    parse::statements(text)
}

fn collect(files: &[SourceFile], own: &OwnModules) -> Imports {
    let mut imports = Imports::default();
    let begin = Instant::now();
    for file in files {
        let parsed = if begin.elapsed() < TIME {
            parse::imports(file)
        } else {
            Err("the files before it took too long".to_owned())
        };
        match parsed {
            Ok(found) => imports
                .found
                .extend(found.into_iter().filter(|import| !own.has(&import.module, &file.path))),
            Err(why) => imports.unread.push(Unread { file: file.path.clone(), why }),
        }
    }
    imports
}

#[cfg(test)]
mod tests;
