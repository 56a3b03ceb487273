//! Puts what a task is given into texts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArtifactField, Fact, Part, Placeholder, Step, Template};
use crate::exchange::{Artifact, Exchange};
use crate::plan::Inputs;
use crate::value::{normal, text_of};

/// What texts can say about the run and the task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The run's name for people.
    pub job_name: String,
    /// The run's name for machines; must begin with the pipeline's name and `-`.
    pub job_resource_name: String,
    /// The run's id.
    pub job_id: String,
    /// The task's name.
    pub task_name: String,
    /// The task's id within the installation.
    pub task_id: String,
    /// When the run was made: RFC 3339 in whole seconds, UTC.
    pub create_time: String,
    /// When the run was due; the same as `create_time` where nothing scheduled it.
    pub schedule_time: String,
    /// Where the task sees the run's shared folder.
    pub workspace_path: String,
    /// Where artifacts go: a URI.
    pub pipeline_root: String,
}

impl Facts {
    fn get(&self, fact: Fact) -> &str {
        match fact {
            Fact::JobName => &self.job_name,
            Fact::JobResourceName => &self.job_resource_name,
            Fact::JobId => &self.job_id,
            Fact::TaskName => &self.task_name,
            Fact::TaskId => &self.task_id,
            Fact::JobCreateTime => &self.create_time,
            Fact::JobScheduleTime => &self.schedule_time,
            Fact::WorkspacePath => &self.workspace_path,
            Fact::PipelineRoot => &self.pipeline_root,
        }
    }
}

/// What placeholders stand for in one task.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the task is given.
    pub exchange: &'a Exchange,
    /// What is known about the run.
    pub facts: &'a Facts,
    /// What the task's component declares: an input of it that nobody gave is nothing, a name that it does not have
    /// stays as it was written.
    pub declared: &'a Inputs,
}

impl Context<'_> {
    /// Whether an input has a value: null is none, and neither is an empty list of artifacts.
    pub fn has(&self, input: &str) -> bool {
        let inputs = &self.exchange.inputs;
        inputs.parameters.get(input).is_some_and(|value| !value.is_null())
            || inputs.artifacts.get(input).is_some_and(|artifacts| !artifacts.is_empty())
    }
}

/// Why a text cannot be completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The way into a value ends before its end.
    #[error("`{placeholder}`: there is nothing at {step}")]
    NoSuchPart {
        /// The placeholder as it was written.
        placeholder: String,
        /// The first step that led nowhere.
        step: String,
    },
}

impl Template {
    /// The text with everything put in. A name that the task does not have is left as it was written; an optional
    /// input without a value is nothing.
    pub fn render(&self, context: &Context<'_>) -> Result<String, RenderError> {
        let mut text = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Placeholder(placeholder, written) => {
                    match value(placeholder, written, context)? {
                        Some(value) => text.push_str(&value),
                        None => text.push_str(written),
                    }
                }
            }
        }
        Ok(text)
    }
}

fn value(
    placeholder: &Placeholder,
    written: &str,
    context: &Context<'_>,
) -> Result<Option<String>, RenderError> {
    let Context { exchange, facts, declared } = context;
    let absent = |is_declared: bool| is_declared.then(String::new);
    let (inputs, outputs) = (&exchange.inputs, &exchange.outputs);
    Ok(match placeholder {
        Placeholder::Exchange => Some(exchange.to_json().to_string()),
        Placeholder::Fact(fact) => Some(facts.get(*fact).to_owned()),
        Placeholder::OutputFile => Some(outputs.file.clone()),
        Placeholder::OutputParameterFile(name) => outputs.parameters.get(name).cloned(),
        Placeholder::InputParameter { name, path, escapes } => match inputs.parameters.get(name) {
            None => absent(declared.parameters.contains_key(name)),
            Some(whole) => Some(escaped(&part(whole, path, written)?, *escapes)),
        },
        Placeholder::InputArtifact(name, field) => match inputs.artifacts.get(name) {
            None => absent(declared.artifacts.contains_key(name)),
            Some(artifacts) => Some(of_artifacts(artifacts, field, written)?),
        },
        Placeholder::OutputArtifact(name, field) => match outputs.artifacts.get(name) {
            None => None,
            Some(artifact) => Some(of_artifacts(std::slice::from_ref(artifact), field, written)?),
        },
    })
}

/// A part of a value as a text. A text on the way is read as JSON.
fn part(whole: &Value, path: &[Step], written: &str) -> Result<String, RenderError> {
    let mut value = whole.clone();
    for step in path {
        if let Value::String(text) = &value
            && let Ok(parsed) = serde_json::from_str(text)
        {
            value = parsed;
        }
        let (found, shown) = match step {
            Step::Key(key) => (value.get_mut(key), format!("['{key}']")),
            Step::Index(index) => (value.get_mut(*index), format!("[{index}]")),
        };
        let nothing = || RenderError::NoSuchPart { placeholder: written.to_owned(), step: shown };
        value = found.map(Value::take).ok_or_else(nothing)?;
    }
    Ok(text_of(&value))
}

fn escaped(text: &str, times: u8) -> String {
    (0..times).fold(text.to_owned(), |text, _| {
        let quoted = Value::String(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    })
}

/// Of the first artifact, except for the list as a whole.
fn of_artifacts(
    artifacts: &[Artifact],
    field: &ArtifactField,
    written: &str,
) -> Result<String, RenderError> {
    if matches!(field, ArtifactField::List) {
        let list: Vec<Value> = artifacts.iter().map(Artifact::to_json).collect();
        return Ok(Value::from(list).to_string());
    }
    let Some(first) = artifacts.first() else { return Ok(String::new()) };
    Ok(match field {
        ArtifactField::List | ArtifactField::Uri => first.uri.clone(),
        ArtifactField::Path => first.path(),
        ArtifactField::Name => first.name.clone(),
        ArtifactField::Metadata(path) => {
            part(&normal(&Value::Object(first.metadata.clone())), path, written)?
        }
    })
}
