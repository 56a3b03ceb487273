//! Placeholders: texts of a pipeline that are complete only once a task's inputs are known (*PipelineSpec*,
//! `ExecutorInput`, string based placeholders).
//!
//! A text is parsed once, when the pipeline is compiled. Upstream replaces texts instead, which leaves a name that is
//! not known as it stands; so does [`Template::render`], because a step's own source may well speak of placeholders. For
//! everything else compiling finds such names first.

mod constant;
mod parse;
mod render;
mod structure;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use constant::Constant;
pub use render::{Context, Facts, RenderError};
pub use structure::{Argument, Branch, Node};

use crate::problem::Unknown;

/// A text with placeholders in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// One stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// What it stands for, and how it was written.
    Placeholder(Placeholder, String),
}

/// What can stand in a text for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// `{{$}}`: everything that a task is given, as JSON.
    Exchange,
    /// `{{$.inputs.parameters['n']}}`, perhaps a part of it: `['n']['key'][0]`.
    InputParameter {
        /// Which parameter.
        name: String,
        /// The way into its value.
        path: Vec<Step>,
        /// How often to escape it for a JSON text: `.json_escape[1]`.
        escapes: u8,
    },
    /// `{{$.inputs.artifacts['n'].uri}}`
    InputArtifact(String, ArtifactField),
    /// `{{$.outputs.artifacts['n'].path}}`
    OutputArtifact(String, ArtifactField),
    /// `{{$.outputs.parameters['n'].output_file}}`
    OutputParameterFile(String),
    /// `{{$.outputs.output_file}}`
    OutputFile,
    /// Something about the run: `{{$.pipeline_job_name}}`.
    Fact(Fact),
}

impl Placeholder {
    /// The kind of placeholder, for a message.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Exchange => "{{$}}".to_owned(),
            Self::InputParameter { name, .. } => format!("{{{{$.inputs.parameters['{name}']}}}}"),
            Self::InputArtifact(name, _) => format!("{{{{$.inputs.artifacts['{name}']…}}}}"),
            Self::OutputArtifact(name, _) => format!("{{{{$.outputs.artifacts['{name}']…}}}}"),
            Self::OutputParameterFile(name) => format!("{{{{$.outputs.parameters['{name}']…}}}}"),
            Self::OutputFile => "{{$.outputs.output_file}}".to_owned(),
            Self::Fact(fact) => {
                let name = Fact::ALL.iter().find(|(other, _)| other == fact);
                format!("{{{{$.{}}}}}", name.map_or("", |(_, name)| name))
            }
        }
    }
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into an object.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// What of an artifact is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactField {
    /// All of them, as JSON.
    List,
    /// Where it is.
    Uri,
    /// Where a task sees it.
    Path,
    /// What it is called.
    Name,
    /// What is known about it, or a part of that.
    Metadata(Vec<Step>),
}

/// What a text can say about the run and the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The run's name for people.
    JobName,
    /// The run's name for machines; begins with the pipeline's name and `-`.
    JobResourceName,
    /// The run's id.
    JobId,
    /// The task's name.
    TaskName,
    /// The task's id within the installation.
    TaskId,
    /// When the run was made.
    JobCreateTime,
    /// When the run was due.
    JobScheduleTime,
    /// Where the run's shared folder is.
    WorkspacePath,
    /// Where artifacts go: a URI.
    PipelineRoot,
}

impl Fact {
    /// All of them, with the names they have in texts.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::JobName, "pipeline_job_name"),
        (Self::JobResourceName, "pipeline_job_resource_name"),
        (Self::JobId, "pipeline_job_uuid"),
        (Self::TaskName, "pipeline_task_name"),
        (Self::TaskId, "pipeline_task_uuid"),
        (Self::JobCreateTime, "pipeline_job_create_time_utc"),
        (Self::JobScheduleTime, "pipeline_job_schedule_time_utc"),
        (Self::WorkspacePath, "workspace_path"),
        (Self::PipelineRoot, "pipeline_root"),
    ];
}

impl Template {
    /// Reads a text in which every placeholder must make sense.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::template(text, parse::Mode::Strict)
    }

    /// Reads a text in which what makes no sense stands for itself.
    pub fn lenient(text: &str) -> Self {
        parse::template(text, parse::Mode::Lenient).unwrap_or_else(|_| Self::literal(text))
    }

    /// A text that stands for itself.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { parts: vec![Part::Literal(text.clone())], text }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing in it depends on a run.
    pub fn is_literal(&self) -> bool {
        self.placeholders().next().is_none()
    }

    /// All placeholders in it, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Placeholder(placeholder, _) => Some(placeholder),
        })
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self::lenient(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Why a text's placeholders make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It begins like a placeholder and goes on like none.
    #[error("`{0}` is no placeholder")]
    Broken(String),
    /// A name that looks like a fact about the run and is none.
    #[error("there is no placeholder {0}")]
    UnknownFact(Unknown),
    /// It names an input parameter that the task does not have.
    #[error("a placeholder names the input parameter {0}, which there is not")]
    UnknownInputParameter(Unknown),
    /// It names an input artifact that the task does not have.
    #[error("a placeholder names the input artifact {0}, which there is not")]
    UnknownInputArtifact(Unknown),
    /// It names an output parameter that the task does not have.
    #[error("a placeholder names the output parameter {0}, which there is not")]
    UnknownOutputParameter(Unknown),
    /// It names an output artifact that the task does not have.
    #[error("a placeholder names the output artifact {0}, which there is not")]
    UnknownOutputArtifact(Unknown),
    /// It speaks of something that is not known where it stands.
    #[error("a placeholder of this kind cannot stand here: `{0}`")]
    NotHere(String),
    /// `IfPresent` or `Concat` of another shape than they have.
    #[error("the argument begins like `{kind}` and is none: {why}")]
    Structure {
        /// Which of them.
        kind: &'static str,
        /// What is wrong.
        why: String,
    },
}

#[cfg(test)]
mod tests;
