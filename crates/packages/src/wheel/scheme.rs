//! Where an interpreter wants the parts of a distribution, and which parts are wanted.

use std::collections::BTreeSet;

use lightship_codec::tar::RootPath;

/// The folders of one Python installation, inside the image (*Python, sysconfig, Installation paths*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Modules in Python, such as `usr/local/lib/python3.11/dist-packages`.
    pub purelib: RootPath,
    /// Compiled modules; nearly always the same folder.
    pub platlib: RootPath,
    /// Programs, such as `usr/local/bin`.
    pub scripts: RootPath,
    /// C headers. Each distribution gets a folder of its own name below it.
    pub headers: RootPath,
    /// What data files are relative to, such as `usr/local`.
    pub data: RootPath,
    /// The interpreter as scripts name it in their first line: `/usr/bin/python3.11`.
    pub interpreter: String,
}

/// What else an installation depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallOptions {
    /// Which programs to install.
    pub scripts: Scripts,
    /// Whether the user asked for this distribution by name, and not another distribution for it: then
    /// it gets a file `REQUESTED`.
    pub requested: bool,
}

/// Which of a distribution's programs to install: those of its entry points and those it brings in its
/// scripts folder alike. Data files are no programs and are always installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scripts {
    /// None: what an image runs is its own program, not its packages'.
    #[default]
    None,
    /// Those of these names.
    Named(BTreeSet<String>),
    /// All of them.
    All,
}

impl Scripts {
    /// Whether a program of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(names) => names.contains(name),
            Self::All => true,
        }
    }
}
