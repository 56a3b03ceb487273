//! What stays out of the image, counted by the rule that keeps it out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lightship_base::ByteSize;
use serde::Serialize;

/// Why a file stays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `[app] exclude` names it.
    Exclude,
    /// `.dockerignore` names it.
    DockerIgnore,
    /// The Dockerfile copies other files only.
    NotCopied,
    /// It may hold a key or a password.
    Secret,
    /// It belongs to a version control system.
    VersionControl,
    /// It is an environment of Python or Node packages.
    Environment,
    /// Tools made it and make it again.
    Cache,
    /// `lightship vendor` made it.
    Vendored,
    /// Builds of the project made it.
    BuildOutput,
    /// It belongs to an editor or a desktop.
    Editor,
    /// It says how the image is built.
    Recipe,
}

impl Rule {
    /// In a report: what these files are.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exclude => "excluded by [app]",
            Self::DockerIgnore => "excluded by .dockerignore",
            Self::NotCopied => "not copied by the Dockerfile",
            Self::Secret => "secrets",
            Self::VersionControl => "version control",
            Self::Environment => "environments",
            Self::Cache => "caches",
            Self::Vendored => "vendored packages",
            Self::BuildOutput => "build output",
            Self::Editor => "editor files",
            Self::Recipe => "build recipes",
        }
    }
}

/// What one rule keeps out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The rule.
    pub rule: Rule,
    /// How many files.
    pub files: u64,
    /// How large they are together.
    pub bytes: ByteSize,
    /// Whether there are more: a large folder is not counted to its end.
    pub at_least: bool,
    /// The first few names, folders with a slash behind them.
    pub examples: Vec<String>,
}

/// So many names are looked at, in all left-out folders together: enough for an ordinary `.git` and a
/// small environment, and a few milliseconds.
const MOST_COUNTED: u32 = 5_000;

/// So many names are shown for each rule.
const EXAMPLES: usize = 3;

/// The running count.
#[derive(Debug)]
pub(super) struct Count {
    by_rule: BTreeMap<Rule, LeftOut>,
    budget: u32,
}

impl Count {
    pub(super) fn new() -> Self {
        Self { by_rule: BTreeMap::new(), budget: MOST_COUNTED }
    }

    /// One file.
    pub(super) fn file(&mut self, rule: Rule, name: impl FnOnce() -> String, size: u64) {
        let entry = self.entry(rule);
        entry.files += 1;
        entry.bytes += ByteSize(size);
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(name());
        }
    }

    /// Everything in a folder.
    pub(super) fn folder(&mut self, rule: Rule, name: &str, folder: &Path) {
        let (files, bytes, complete) = measure(folder, &mut self.budget);
        if files == 0 && complete {
            return;
        }
        let entry = self.entry(rule);
        entry.files += files;
        entry.bytes += ByteSize(bytes);
        entry.at_least |= !complete;
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(format!("{name}/"));
        }
    }

    fn entry(&mut self, rule: Rule) -> &mut LeftOut {
        self.by_rule.entry(rule).or_insert_with(|| LeftOut {
            rule,
            files: 0,
            bytes: ByteSize::ZERO,
            at_least: false,
            examples: Vec::new(),
        })
    }

    pub(super) fn finish(self) -> Vec<LeftOut> {
        self.by_rule.into_values().collect()
    }
}

/// Files and bytes of a folder, and whether that is all. What cannot be read is not counted: it stays
/// out anyway.
fn measure(folder: &Path, budget: &mut u32) -> (u64, u64, bool) {
    let (mut files, mut bytes, mut complete) = (0, 0, true);
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            complete = false;
            continue;
        };
        for entry in entries {
            if *budget == 0 {
                return (files, bytes, false);
            }
            *budget -= 1;
            let Ok(entry) = entry else { continue };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(_) | Err(_) => {
                    files += 1;
                    bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                }
            }
        }
    }
    (files, bytes, complete)
}
