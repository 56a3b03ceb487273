//! What is wrong with a pipeline, where, and what was probably meant.

mod unknown;

use std::fmt;

use lightship_base::{Category, Diagnose, Hint};

use crate::condition::ConditionError;
use crate::template::TemplateError;
use crate::value::{ParameterType, ValueError};

pub(crate) use unknown::Patience;
pub use unknown::Unknown;

/// Everything that is wrong with a pipeline: never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Problems(Vec<Problem>);

/// More than a person reads. The rest is told as a number.
const MOST: usize = 20;

/// More than anybody mends at once. What is wrong beyond that is not collected: a file can be made of nothing else.
pub(crate) const MOST_KEPT: usize = 500;

impl Problems {
    /// `value`, where nothing is wrong.
    pub(crate) fn none_of<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self(problems)) }
    }

    /// Each of them, in the order of the pipeline.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &self.0[..] {
            return write!(f, "{only}");
        }
        let least = if self.0.len() >= MOST_KEPT { "at least " } else { "" };
        write!(f, "{least}{} things are wrong with the pipeline:", self.0.len())?;
        for problem in self.0.iter().take(MOST) {
            write!(f, "\n  {problem}")?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnose for Problems {
    fn category(&self) -> Category {
        Category::BadInput
    }

    fn hints(&self) -> Vec<Hint> {
        let mut hints: Vec<Hint> = Vec::new();
        for hint in self.0.iter().filter_map(|problem| problem.fault.hint()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// A place in a pipeline: the tasks that lead to it, and a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    tasks: Vec<String>,
    field: String,
}

impl Place {
    /// A field of the document that belongs to no task: `components.comp-a.dag`.
    pub fn field(field: impl Into<String>) -> Self {
        Self { tasks: Vec::new(), field: field.into() }
    }

    /// The graph that a run begins with.
    pub fn root() -> Self {
        Self { tasks: vec!["root".to_owned()], field: String::new() }
    }

    /// A component of the document, whose tasks are named below it.
    pub(crate) fn component(name: &str) -> Self {
        Self { tasks: vec![format!("components.{name}")], field: String::new() }
    }

    /// The field alone.
    pub(crate) fn field_name(&self) -> &str {
        &self.field
    }

    /// A task below this one.
    #[must_use]
    pub fn task(&self, name: &str) -> Self {
        let mut tasks = self.tasks.clone();
        tasks.push(name.to_owned());
        Self { tasks, field: String::new() }
    }

    /// A field of this task.
    #[must_use]
    pub fn at(&self, field: impl Into<String>) -> Self {
        Self { tasks: self.tasks.clone(), field: field.into() }
    }
}

impl fmt::Display for Place {
    /// `root › train › inputs.parameters.lr`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = Some(&self.field).filter(|field| !field.is_empty());
        for (at, part) in self.tasks.iter().chain(field).enumerate() {
            if at > 0 {
                f.write_str(" › ")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// What can be wrong with a pipeline.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A value of another shape than the field has.
    #[error("expected {expected}, got {got}")]
    Shape {
        /// `a text`, `a map`.
        expected: &'static str,
        /// What there is, shortened.
        got: String,
    },
    /// Something that must be there is not.
    #[error("it is missing")]
    Missing,
    /// A name that a field cannot have.
    #[error("`{name}` is not one of {}", known.join(", "))]
    UnknownValue {
        /// What stands there.
        name: String,
        /// What may stand there.
        known: Vec<String>,
    },
    /// A name of an input or output that could be no file's.
    #[error(
        "{0} cannot name an input or output: it becomes a file's name, so it is not empty, `.` or `..`, and has no `/` and no control characters"
    )]
    Name(String),
    /// One of several fields must be there.
    #[error("it has none of {}", .0.join(", "))]
    NoneOf(&'static [&'static str]),
    /// No component has this name.
    #[error("there is no component {0}")]
    UnknownComponent(Unknown),
    /// No executor has this name.
    #[error("there is no executor {0}")]
    UnknownExecutor(Unknown),
    /// No task of the same graph has this name.
    #[error("there is no task {0} beside it")]
    UnknownTask(Unknown),
    /// A task has no such output parameter.
    #[error("task `{task}` has no output parameter {output}")]
    UnknownOutputParameter {
        /// Which task.
        task: String,
        /// What it does not have.
        output: Unknown,
    },
    /// A task has no such output artifact.
    #[error("task `{task}` has no output artifact {output}")]
    UnknownOutputArtifact {
        /// Which task.
        task: String,
        /// What it does not have.
        output: Unknown,
    },
    /// The component around the task has no such input parameter.
    #[error("the component around it has no input parameter {0}")]
    UnknownInputParameter(Unknown),
    /// The component around the task has no such input artifact.
    #[error("the component around it has no input artifact {0}")]
    UnknownInputArtifact(Unknown),
    /// The task is not given such a parameter.
    #[error("the task has no input parameter {0}")]
    NoTaskParameter(Unknown),
    /// The task is not given such an artifact.
    #[error("the task has no input artifact {0}")]
    NoTaskArtifact(Unknown),
    /// A component has no such input.
    #[error("component `{component}` has no input {input}")]
    NoSuchInput {
        /// Which component.
        component: String,
        /// What it does not have.
        input: Unknown,
    },
    /// A component that uses itself.
    #[error("component `{0}` uses itself")]
    Recursive(String),
    /// Graphs within graphs beyond any use.
    #[error("graphs are nested more than {0} deep")]
    TooDeep(usize),
    /// More parts than any pipeline has.
    #[error("the pipeline has more than {0} tasks")]
    TooManyTasks(usize),
    /// Tasks that wait for each other.
    #[error("the tasks wait for each other: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// A type that cannot be handed over.
    #[error("it takes {expected}, but {source_name} is {got}")]
    TypeMismatch {
        /// What the input takes.
        expected: ParameterType,
        /// Where the value comes from.
        source_name: String,
        /// What the value is.
        got: ParameterType,
    },
    /// A list where one artifact is wanted, or the other way about.
    #[error("it takes {}, but {source_name} is {}", several(*.list), several(!*.list))]
    ListMismatch {
        /// Whether it takes a list.
        list: bool,
        /// Where the artifact comes from.
        source_name: String,
    },
    /// A constant that is no value of its type.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A required input that nobody gives.
    #[error("input `{input}` of component `{component}` is required, but nothing is given for it")]
    RequiredInput {
        /// Which component.
        component: String,
        /// Which input.
        input: String,
    },
    /// A condition or selector that makes no sense.
    #[error("{expression}: {error}")]
    Condition {
        /// The expression, shortened.
        expression: String,
        /// Why not.
        error: ConditionError,
    },
    /// A placeholder that makes no sense.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A loop over something that is no list.
    #[error("the items of the loop are no JSON list: {0}")]
    Items(String),
    /// A quantity that Kubernetes would not take.
    #[error("`{text}` is no {what}")]
    Quantity {
        /// `number of CPUs`, `amount of memory`.
        what: &'static str,
        /// What stands there.
        text: String,
    },
    /// A number out of its bounds.
    #[error("{got} is not allowed: {why}")]
    Bounds {
        /// What stands there.
        got: String,
        /// Why not.
        why: &'static str,
    },
    /// A construct that exists and that Lightship cannot run.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The kind of schema that this pipeline has is not that of version 2.
    #[error("the schema's version is `{0}`; this reads 2.0 and 2.1")]
    SchemaVersion(String),
}

fn several(list: bool) -> &'static str {
    if list { "a list of artifacts" } else { "one artifact" }
}

impl Fault {
    pub(crate) fn of_value<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known = known.into_iter().map(str::to_owned).collect();
        Self::UnknownValue { name: name.chars().take(60).collect(), known }
    }

    /// Quoted and escaped: what is wrong with it may not be seen otherwise, or may be told to a terminal.
    pub(crate) fn of_name(name: &str) -> Self {
        Self::Name(format!("{:?}", name.chars().take(60).collect::<String>()))
    }

    fn hint(&self) -> Option<Hint> {
        let hint = match self {
            Self::SchemaVersion(_) => "compile the pipeline with kfp 2.0 or later",
            Self::Unsupported(_) => "run this pipeline where the platform has it",
            _ => return None,
        };
        Some(Hint::new(hint))
    }
}
