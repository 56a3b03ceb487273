//! What the program beside the SDK answers, and the folder where it does.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::Told;
use crate::commands::Error;
use crate::settings::Settings;

/// An answer is short; whatever an exception says is cut.
const MOST: u64 = 1 << 20;
/// How much of what the pipeline's code printed is looked at where it died.
const TAIL: u64 = 4 << 10;
/// How many places of the user's own code are told, the innermost ones.
const PLACES: usize = 3;

/// How it ended.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Answer {
    /// There is no SDK.
    Absent,
    /// It is too old.
    Old { version: String },
    /// It was found, and nothing was heard since.
    Began,
    /// The pipeline is there.
    Compiled,
    /// The file has none.
    None,
    /// It has several, and nobody said which.
    Several { choices: Vec<Choice> },
    /// It has none of that name.
    Unknown { choices: Vec<Choice> },
    /// The code failed, or the SDK refused it.
    Raised(Raised),
}

/// A pipeline of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Choice {
    /// What `--function` takes.
    pub function: String,
    /// What the pipeline calls itself.
    pub name: String,
}

/// An exception.
#[derive(Debug, Deserialize)]
pub(super) struct Raised {
    frames: Vec<Place>,
    said: String,
    /// The module that could not be found.
    pub(super) missing: Option<String>,
}

/// A line of source.
#[derive(Debug, Deserialize)]
struct Place {
    file: PathBuf,
    line: u64,
    function: Option<String>,
    text: String,
}

impl Raised {
    /// In a person's words: where the code that is theirs was, innermost last, and what was said.
    pub(super) fn told(&self, seen: &Path) -> Told {
        let installed =
            |file: &Path| file.components().any(|part| part.as_os_str() == "site-packages");
        let own = self
            .frames
            .iter()
            .filter(|place| place.file.starts_with(seen) && !installed(&place.file));
        let own: Vec<&Place> = own.collect();
        // Where nothing of theirs is left, whatever there is.
        let places = if own.is_empty() { self.frames.iter().collect() } else { own };
        let mut text = String::new();
        for place in &places[places.len().saturating_sub(PLACES)..] {
            let file = place.file.strip_prefix(seen).unwrap_or(&place.file);
            // Writing to a string cannot fail.
            let _ = write!(text, "{}, line {}", file.display(), place.line);
            match place.function.as_deref() {
                Some(function) if function != "<module>" => {
                    let _ = write!(text, ", in {function}");
                }
                Some(_) | None => {}
            }
            let _ = writeln!(text, ": {}", place.text);
        }
        Told(text + &self.said)
    }
}

/// A folder for an answer; it vanishes with this.
pub(super) struct Desk(tempfile::TempDir);

impl Desk {
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let folder = &settings.temporary;
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let made = tempfile::Builder::new().prefix("compile-").tempdir_in(folder);
        made.map(Self).map_err(Error::io("make a folder in", folder))
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The last answer; nothing where whatever ran is no Python that could give one.
    pub(super) fn answer(&self) -> Result<Option<Answer>, Error> {
        let path = self.folder().join("answer.json");
        let bytes = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
            Ok(file) => read(file, MOST).map_err(Error::io("read", &path))?,
        };
        let malformed = |error: serde_json::Error| Error::io("read", &path)(error.into());
        serde_json::from_slice(&bytes).map(Some).map_err(malformed)
    }

    /// The compiled pipeline, of which at most so many bytes are read.
    pub(super) fn pipeline(&self, most: u64) -> Result<Vec<u8>, Error> {
        let path = self.folder().join("pipeline.yaml");
        File::open(&path).and_then(|file| read(file, most)).map_err(Error::io("read", &path))
    }

    /// A file for what the pipeline's code prints. What another Python answered before is forgotten.
    pub(super) fn log(&self) -> Result<File, Error> {
        let answer = self.folder().join("answer.json");
        if answer.exists() {
            std::fs::remove_file(&answer).map_err(Error::io("remove", &answer))?;
        }
        let path = self.folder().join("log");
        File::create(&path).map_err(Error::io("create", &path))
    }

    /// The end of what was printed.
    pub(super) fn said(&self) -> Told {
        let read = || {
            let mut file = File::open(self.folder().join("log"))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            read(file, TAIL)
        };
        let bytes = read().unwrap_or_default();
        Told(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

fn read(file: File, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
