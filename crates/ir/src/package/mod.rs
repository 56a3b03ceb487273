//! A pipeline's file: YAML with one or two documents, JSON, or an archive that holds one of these. What comes out is
//! the documents as values, so that they can be changed at some places and written back with all else as it was.
//!
//! *YAML*: `saphyr-parser` reads it as events, tells line and column, and is itself one crate on one more. The readers
//! that go through serde either stand on a C library's translation that nobody looks after any more, or bring four times
//! the code; and none of them lets us count what aliases unfold to while they do.

mod archive;
mod edit;
mod emit;
mod yaml;

use lightship_base::{Category, Diagnose, Hint};
use serde_json::Value;

pub use edit::{ContainerEdit, ContainerText, NoSuchContainer};

/// Most bytes that a pipeline may have, packed or unpacked. The service takes uploads of 32 MiB.
pub const MAX_BYTES: usize = 64 << 20;

/// The documents of a pipeline, as they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    pipeline: Value,
    platform: Option<Value>,
    /// The comments that the file began with: the SDK writes a summary of inputs and outputs there.
    header: String,
}

impl Package {
    /// Reads a file, whatever it is: its first bytes decide, not its name.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        if bytes.len() > MAX_BYTES {
            return Err(PackageError::TooLarge);
        }
        match archive::unpacked(bytes)? {
            Some(file) => Self::of_text(&file),
            None => Self::of_text(bytes),
        }
    }

    /// The documents of a text. JSON is YAML, except where it is not: it is tried first because it is ten times as quick.
    fn of_text(bytes: &[u8]) -> Result<Self, PackageError> {
        let text = std::str::from_utf8(bytes).map_err(|_| PackageError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_start().starts_with('{')
            && yaml::is_bounded_json(text)
            && let Ok(value) = serde_json::from_str(text)
        {
            return Self::of_values(vec![value]);
        }
        let mut package = Self::of_values(yaml::documents(text)?)?;
        let comments = text.lines().take_while(|line| line.starts_with('#'));
        package.header = comments.flat_map(|line| [line.trim_end(), "\n"]).collect();
        Ok(package)
    }

    /// One or two documents, or one that holds both by name.
    pub fn of_values(documents: Vec<Value>) -> Result<Self, PackageError> {
        let mut documents = documents.into_iter().filter(|document| !document.is_null());
        let first = documents.next().ok_or(PackageError::Empty)?;
        let second = documents.next();
        if documents.next().is_some() {
            return Err(PackageError::TooManyDocuments);
        }
        let Value::Object(mut first) = first else { return Err(PackageError::NoPipeline) };
        let inner = ["pipeline_spec", "pipelineSpec"].iter().find_map(|key| first.remove(*key));
        let (pipeline, platform) = match inner {
            None => (Value::Object(first), second),
            Some(inner) => {
                let platform =
                    ["platform_spec", "platformSpec"].iter().find_map(|key| first.remove(*key));
                (inner, platform.filter(|platform| !platform.is_null()).or(second))
            }
        };
        let known = ["pipelineInfo", "pipeline_info", "root", "components", "deploymentSpec"];
        if !known.iter().any(|key| pipeline.get(key).is_some()) {
            return Err(PackageError::NoPipeline);
        }
        Ok(Self { pipeline, platform, header: String::new() })
    }

    /// The document that is the pipeline (`PipelineSpec`).
    pub fn pipeline(&self) -> &Value {
        &self.pipeline
    }

    /// The document about platforms (`PlatformSpec`), where there is one.
    pub fn platform(&self) -> Option<&Value> {
        self.platform.as_ref()
    }
}

/// Why bytes are no pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// More than [`MAX_BYTES`].
    #[error("the file has more than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// Bytes that are no text.
    #[error("the file is neither text nor an archive that is known: YAML, JSON, zip or tar.gz")]
    NotText,
    /// An archive that cannot be read.
    #[error("the file looks like {kind} but cannot be read: {why}")]
    Archive {
        /// `a zip archive`, `a tar.gz archive`.
        kind: &'static str,
        /// What its reader says.
        why: String,
    },
    /// An archive without a pipeline.
    #[error("the archive holds no .yaml, .yml or .json file")]
    NothingInside,
    /// An archive with too many.
    #[error("the archive holds several pipelines: {}", .0.join(", "))]
    SeveralInside(Vec<String>),
    /// Text that is not YAML.
    #[error("line {line}, column {column}: {what}")]
    Yaml {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// Nothing at all.
    #[error("the file is empty")]
    Empty,
    /// More than a pipeline and a platform.
    #[error("the file has more than two documents: a pipeline, and what it wants of a platform")]
    TooManyDocuments,
    /// Something else.
    #[error("the file is no compiled pipeline: it has neither `pipelineInfo` nor `root`")]
    NoPipeline,
}

impl Diagnose for PackageError {
    fn category(&self) -> Category {
        Category::BadInput
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoPipeline | Self::Empty | Self::NotText => {
                vec![Hint::new(
                    "compile the pipeline: `kfp dsl compile --py FILE --output OUT.yaml`",
                )]
            }
            Self::SeveralInside(_) => vec![Hint::new("name the one that is meant `pipeline.yaml`")],
            Self::TooLarge
            | Self::Archive { .. }
            | Self::NothingInside
            | Self::Yaml { .. }
            | Self::TooManyDocuments => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
