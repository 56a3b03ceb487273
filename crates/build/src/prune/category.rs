//! The kinds of files that images do without.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of files that is left out where no installed code opens it. In the order in which a file is
/// put into one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Packages' own test suites: folders `tests` and `test` within packages.
    Tests,
    /// Type stubs, `.pyi`. The mark `py.typed` stays.
    Stubs,
    /// C and C++ headers.
    Headers,
    /// Libraries to be linked when something is compiled: `.a`, `.lib`.
    StaticLibraries,
    /// Cython's sources, and the C code that was made of them.
    Cython,
    /// Documentation: manual pages, `share/doc`, `share/info`.
    Docs,
    /// What a browser's debugger knows minified scripts and styles by: `.js.map`, `.css.map`.
    SourceMaps,
    /// Binaries for other operating systems and processors.
    OtherPlatforms,
    /// Bytecode that came in a package, beside its source.
    Bytecode,
    /// Symbols and debug information behind what the loader maps of native code.
    Debug,
}

impl Category {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Tests,
        Self::Stubs,
        Self::Headers,
        Self::StaticLibraries,
        Self::Cython,
        Self::Docs,
        Self::SourceMaps,
        Self::OtherPlatforms,
        Self::Bytecode,
        Self::Debug,
    ];

    /// What people call it: in `--keep` and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Stubs => "stubs",
            Self::Headers => "headers",
            Self::StaticLibraries => "static-libraries",
            Self::Cython => "cython",
            Self::Docs => "docs",
            Self::SourceMaps => "source-maps",
            Self::OtherPlatforms => "other-platforms",
            Self::Bytecode => "bytecode",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No category has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no category of files that are left out")]
pub struct UnknownCategory(pub String);

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, UnknownCategory> {
        let found = Self::ALL.into_iter().find(|category| category.name() == text);
        found.ok_or_else(|| UnknownCategory(text.to_owned()))
    }
}
