//! Why a folder cannot be served.

use std::io;
use std::path::PathBuf;

use lightship_base::{Category, Diagnose, Hint};

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// It is not there.
    #[error("`static` under `[app]` names {}, which is not there", path.display())]
    Missing {
        /// Which folder.
        path: PathBuf,
    },
    /// It is a file.
    #[error("`static` under `[app]` names {}, which is no folder", path.display())]
    NoFolder {
        /// What it names.
        path: PathBuf,
    },
    /// Nothing in it goes into the image.
    #[error("no file of {} goes into the image: there is nothing to serve", path.display())]
    Empty {
        /// Which folder.
        path: PathBuf,
    },
    /// The file for paths that are not there is not there.
    #[error("`fallback` under `[app]` names {name}, which is not in {}", path.display())]
    NoFallback {
        /// What it names.
        name: String,
        /// The folder.
        path: PathBuf,
    },
    /// The server's settings cannot hold a name.
    #[error("`{what}` under `[app]` is `{name}`, which the server's settings cannot hold")]
    Name {
        /// Which setting.
        what: &'static str,
        /// What it is.
        name: String,
    },
    /// A file could not be read.
    #[error("cannot read the files of {}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The operating system refused.
    #[error("cannot look at {}", path.display())]
    Io {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Diagnose for SiteError {
    fn category(&self) -> Category {
        match self {
            Self::Missing { .. }
            | Self::NoFolder { .. }
            | Self::Empty { .. }
            | Self::NoFallback { .. }
            | Self::Name { .. } => Category::Usage,
            Self::Read { source, .. } | Self::Io { source, .. } => Category::of_io(source),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Missing { .. } => "build the site first, or mend `static`",
            Self::NoFallback { .. } => "name a file of the site, such as index.html",
            Self::Name { .. } => "use letters, digits, dots, dashes and underscores only",
            Self::NoFolder { .. } | Self::Empty { .. } | Self::Read { .. } | Self::Io { .. } => {
                return Vec::new();
            }
        };
        vec![Hint::new(hint)]
    }
}
