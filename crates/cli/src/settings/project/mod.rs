//! `lightship.toml`: what a project says about itself. So far that is how its image is checked.
//!
//! ```toml
//! [verify]
//! image = "oci:build/app"        # what `lightship verify .` checks
//! timeout = "2m"                 # for every check that has none of its own
//!
//! [[verify.check]]
//! name = "it predicts"
//! run = "python -m churn.predict --sample"
//! stdout = '^accuracy 0\.9'
//!
//! [[verify.check]]
//! http = 8080
//! path = "/health"
//! body = "ok"
//!
//! [[verify.check]]
//! import = ["pandas", "sklearn.ensemble"]
//!
//! [[verify.check]]
//! files = ["/app/model.pkl", { path = "/app/start.sh", mode = "0755" }]
//! absent = ["/usr/bin/gcc"]
//! ```
//!
//! A key that nobody knows is an error: it is a mistyped one, and a check that silently does less than
//! was written is worse than none.

mod check;
mod reader;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::{ByteSize, Category, Diagnose, Hint};
use lightship_build::verify::Check;

pub use check::{derived_name, split_command};
use reader::{Reader, Table};

/// What the file is called.
pub const FILE_NAME: &str = "lightship.toml";

/// No such file is larger; people write them.
const MAX_BYTES: u64 = 1 << 20;

/// What a project says about itself.
#[derive(Debug, Default)]
pub struct Project {
    /// How its image is checked.
    pub verify: VerifySettings,
}

/// `[verify]`.
#[derive(Debug, Default)]
pub struct VerifySettings {
    /// Which image.
    pub image: Option<String>,
    /// How long each check may take that does not say.
    pub timeout: Option<Duration>,
    /// How much memory each may use that does not say.
    pub memory: Option<ByteSize>,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Why a project's file makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What is written at some place makes no sense.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
}

impl Diagnose for ProjectError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::Invalid { .. } => Category::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Io { .. } | Self::Invalid { hint: None, .. } => Vec::new(),
            Self::Invalid { hint: Some(hint), .. } => vec![Hint::new(hint)],
        }
    }
}

impl Project {
    /// Reads a project's file.
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        let failed = |source| ProjectError::Io { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
            let reason = format!("it has more than {MAX_BYTES} bytes");
            return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason)));
        }
        Self::parse(path, &std::fs::read_to_string(path).map_err(failed)?)
    }

    /// Understands a file's text. `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ProjectError> {
        let reader = Reader::new(path, text);
        let document = reader.parse()?;
        let top = Table::new(&reader, "", document.get_ref(), document.span());
        top.only(&["verify"])?;
        let verify = match top.table("verify")? {
            Some(table) => verify(&table)?,
            None => VerifySettings::default(),
        };
        Ok(Self { verify })
    }
}

fn verify(table: &Table<'_>) -> Result<VerifySettings, ProjectError> {
    table.only(&["image", "timeout", "memory", "check"])?;
    let checks = table.tables("check")?;
    Ok(VerifySettings {
        image: table.text("image")?,
        timeout: table.duration("timeout")?,
        memory: table.size("memory")?,
        checks: checks.iter().map(check::read).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests;
