//! Holds the repository to the house rules. Each rule is a small file with one function from the
//! repository's text to violations, so that its tests need no disk; this file reads the repository,
//! asks them all, and reports everything at once.

mod code;
mod dependencies;
mod files;
mod json;
mod layers;
mod leaks;
mod links;
mod runtime;
mod tree;
mod unsafety;
mod workspace;

use std::fmt;

use tree::Tree;
use workspace::Workspace;

/// What a run found.
pub(crate) struct Report {
    /// Everything that breaks a rule, in the order of paths and lines.
    pub(crate) violations: Vec<Violation>,
    /// What is worth knowing but breaks nothing.
    pub(crate) notes: Vec<String>,
    /// How many files git knows or would take.
    pub(crate) files: usize,
    /// How many crates the workspace has.
    pub(crate) crates: usize,
}

/// One broken rule, at one place, with the way out.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Path from the repository's root, with slashes.
    path: String,
    /// Counted from 1; the first line where the whole file is meant.
    line: usize,
    /// What is wrong.
    wrong: String,
    /// What to do, in the imperative.
    remedy: String,
}

impl Violation {
    fn new(
        path: impl Into<String>,
        line: usize,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), line, wrong: wrong.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.wrong, self.remedy)
    }
}

/// Why the repository could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start { command: String, source: std::io::Error },
    /// A program failed.
    #[error("`{command}` failed: {message}")]
    Failed { command: String, message: String },
    /// `cargo metadata` did not say what it should.
    #[error("`cargo metadata` printed something unexpected: {0}")]
    Metadata(String),
    /// A file that git lists cannot be read.
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: std::io::Error },
}

/// Reads the repository around the working folder and applies every rule.
pub(crate) fn run() -> Result<Report, Error> {
    let workspace = Workspace::load()?;
    let tree = Tree::load(&workspace.root)?;
    let (mut violations, notes) = files::check(&tree);
    violations.extend(layers::check(&tree, &workspace));
    violations.extend(runtime::check(&tree, &workspace));
    violations.extend(dependencies::check(&tree, &workspace));
    violations.extend(unsafety::check(&tree, &workspace));
    violations.extend(leaks::check(&tree));
    violations.extend(links::check(&tree));
    violations.extend(json::check(&tree));
    violations.sort();
    Ok(Report { violations, notes, files: tree.len(), crates: workspace.packages.len() })
}
