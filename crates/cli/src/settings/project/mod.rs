//! `lightship.toml`, and `[tool.lightship]` of `pyproject.toml`: what a project says about itself, which
//! is how its image is built and how it is checked. A table may be in either file, but not in both.
//!
//! ```toml
//! [image]
//! entrypoint = ["python", "job.py"]
//!
//! [python]
//! version = "3.11"
//!
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

mod build;
mod check;
mod pipelines;
mod reader;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::{ByteSize, Category, Diagnose, Hint};
use lightship_build::project::Settings;
use lightship_build::verify::Check;

pub use check::{derived_name, split_command};
pub use pipelines::{Keys, PipelineSettings, Source, Stand};
use reader::{Reader, Table};

/// What the file is called.
pub const FILE_NAME: &str = "lightship.toml";

/// The file that other tools' settings are in too.
pub const PYPROJECT: &str = "pyproject.toml";

/// The tables that there are.
const SECTIONS: [&str; 10] = [
    "image",
    "python",
    "base",
    "app",
    "build",
    "index",
    "verify",
    "images",
    "secrets",
    "config-maps",
];

/// The keys of `[verify]`.
const VERIFY: [&str; 4] = ["image", "timeout", "memory", "check"];

/// No such file is larger; people write them.
const MAX_BYTES: u64 = 1 << 20;

/// What a project says about itself.
#[derive(Debug, Default)]
pub struct Project {
    /// How its image is built.
    pub settings: Settings,
    /// How its image is checked.
    pub verify: VerifySettings,
    /// What its pipelines find on this machine.
    pub pipelines: PipelineSettings,
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
    /// Reads what the files in a project's folder say. Without any of them, nothing.
    pub fn of_folder(folder: &Path) -> Result<Self, ProjectError> {
        let own = folder.join(FILE_NAME);
        let shared = folder.join(PYPROJECT);
        let texts = (text_if_there(&own)?, text_if_there(&shared)?);
        let own = texts.0.as_deref().map(|text| Reader::new(&own, text));
        let shared = texts.1.as_deref().map(|text| Reader::new(&shared, text));
        let own_document = own.as_ref().map(Reader::parse).transpose()?;
        let shared_document = shared.as_ref().map(Reader::parse).transpose()?;
        let mut tables = Vec::new();
        if let Some((reader, document)) = own.as_ref().zip(own_document.as_ref()) {
            tables.push(Table::new(reader, "", document.get_ref(), document.span()));
        }
        if let Some((reader, document)) = shared.as_ref().zip(shared_document.as_ref()) {
            let top = Table::new(reader, "", document.get_ref(), document.span());
            if let Some(tool) = top.table("tool")? {
                tables.extend(tool.table("lightship")?);
            }
        }
        Self::of_tables(&tables)
    }

    /// Reads a project's file.
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        Self::parse(path, &text(path)?)
    }

    /// Understands a file's text. `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ProjectError> {
        let reader = Reader::new(path, text);
        let document = reader.parse()?;
        Self::of_tables(&[Table::new(&reader, "", document.get_ref(), document.span())])
    }

    /// Understands tables of tables, the first one of which is the more natural place.
    fn of_tables(tables: &[Table<'_>]) -> Result<Self, ProjectError> {
        for table in tables {
            table.only(&SECTIONS)?;
        }
        Ok(Self {
            settings: Settings {
                image: section(tables, "image", build::image)?,
                python: section(tables, "python", build::python)?,
                base: section(tables, "base", build::base)?,
                app: section(tables, "app", build::app)?,
                build: section(tables, "build", build::build)?,
                indexes: section(tables, "index", build::indexes)?,
            },
            verify: section(tables, "verify", verify)?,
            pipelines: PipelineSettings {
                images: section(tables, "images", pipelines::images)?,
                secrets: section(tables, "secrets", pipelines::secrets)?,
                config_maps: section(tables, "config-maps", pipelines::config_maps)?,
            },
        })
    }
}

/// Reads the one table of this name; without one, the defaults.
fn section<'a, T: Default>(
    tables: &[Table<'a>],
    name: &'a str,
    read: impl Fn(&Table<'a>) -> Result<T, ProjectError>,
) -> Result<T, ProjectError> {
    let mut found = tables.iter().filter(|table| table.has(name));
    let Some(first) = found.next() else { return Ok(T::default()) };
    if let Some(second) = found.next().and_then(|table| table.get(name)) {
        let message = format!("[{name}] is in {} too", first.path().display());
        return Err(second.error(message));
    }
    match first.table(name)? {
        Some(table) => read(&table),
        None => Ok(T::default()),
    }
}

fn text_if_there(path: &Path) -> Result<Option<String>, ProjectError> {
    match text(path) {
        Err(ProjectError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn text(path: &Path) -> Result<String, ProjectError> {
    let failed = |source| ProjectError::Io { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        let reason = format!("it has more than {MAX_BYTES} bytes");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason)));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn verify(table: &Table<'_>) -> Result<VerifySettings, ProjectError> {
    table.only(&VERIFY)?;
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
