//! Arguments that are more than one text: `IfPresent` and `Concat`, which a compiled pipeline holds as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, RenderError, Template, TemplateError};

/// One element of a command or of its arguments: what it renders to is none, one or several arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Argument {
    source: String,
    node: Node,
}

/// What an argument is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A text: one argument.
    Text(Template),
    /// Texts in a row: one argument.
    Concat(Vec<Node>),
    /// One or the other, depending on whether an input has a value.
    IfPresent {
        /// Which input: a parameter or an artifact.
        input: String,
        /// What there is where it has one.
        then: Branch,
        /// What there is where it has none.
        otherwise: Branch,
    },
}

/// One side of an `IfPresent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branch {
    /// No argument.
    Nothing,
    /// One.
    One(Box<Node>),
    /// As many as there are.
    Many(Vec<Node>),
}

/// Deeper than anybody nests them.
const MAX_DEPTH: usize = 20;

impl Argument {
    /// Reads an argument in which everything must make sense.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let node = match kind(source) {
            None => Node::Text(Template::parse(source)?),
            Some(kind) => {
                let failed = |error: serde_json::Error| TemplateError::Structure {
                    kind,
                    why: error.to_string(),
                };
                Node::read(&serde_json::from_str(source).map_err(failed)?, kind, 0)?
            }
        };
        Ok(Self { source: source.to_owned(), node })
    }

    /// Reads an argument in which what makes no sense stands for itself.
    pub fn lenient(source: &str) -> Self {
        let text =
            |_| Self { source: source.to_owned(), node: Node::Text(Template::lenient(source)) };
        Self::parse(source).unwrap_or_else(text)
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it is made of.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The arguments that it stands for, in a task.
    pub fn render(&self, context: &Context<'_>) -> Result<Vec<String>, RenderError> {
        let mut arguments = Vec::new();
        self.node.arguments(context, &mut arguments)?;
        Ok(arguments)
    }
}

/// `IfPresent` or `Concat`, where the text begins like one of them. Any other JSON is an argument like any other.
fn kind(source: &str) -> Option<&'static str> {
    let inside = source.trim_start().strip_prefix('{')?.trim_start();
    ["IfPresent", "Concat"].into_iter().find(|kind| {
        let name = inside.strip_prefix('"').and_then(|rest| rest.strip_prefix(kind));
        name.and_then(|rest| rest.strip_prefix('"'))
            .is_some_and(|r| r.trim_start().starts_with(':'))
    })
}

impl Node {
    fn read(value: &Value, kind: &'static str, depth: usize) -> Result<Self, TemplateError> {
        let wrong = |why: &str| Err(TemplateError::Structure { kind, why: why.to_owned() });
        if depth > MAX_DEPTH {
            return wrong("it is nested too deeply");
        }
        let map = match value {
            Value::String(text) => return Template::parse(text).map(Self::Text),
            Value::Object(map) if map.len() == 1 => map,
            _ => return wrong("a part is neither a text nor an object with one key"),
        };
        if let Some(Value::Array(items)) = map.get("Concat") {
            let read = |item| Self::read(item, kind, depth + 1);
            return items.iter().map(read).collect::<Result<_, _>>().map(Self::Concat);
        }
        let Some(Value::Object(inner)) = map.get("IfPresent") else {
            return wrong("`Concat` takes a list, `IfPresent` an object");
        };
        let Some(Value::String(input)) = inner.get("InputName") else {
            return wrong("`InputName` is missing");
        };
        let branch = |key| Branch::read(inner.get(key), kind, depth + 1);
        Ok(Self::IfPresent {
            input: input.clone(),
            then: branch("Then")?,
            otherwise: branch("Else")?,
        })
    }

    fn arguments(&self, context: &Context<'_>, into: &mut Vec<String>) -> Result<(), RenderError> {
        match self {
            Self::Text(template) => into.push(template.render(context)?),
            Self::Concat(parts) => {
                let mut inside = Vec::new();
                for part in parts {
                    part.arguments(context, &mut inside)?;
                }
                into.push(inside.concat());
            }
            Self::IfPresent { input, then, otherwise } => {
                let branch = if context.has(input) { then } else { otherwise };
                for node in branch.nodes() {
                    node.arguments(context, into)?;
                }
            }
        }
        Ok(())
    }

    /// Calls `text` with every text in it, and `input` with the name of every input that it asks for.
    pub(crate) fn visit<'n>(
        &'n self,
        text: &mut dyn FnMut(&'n Template),
        input: &mut dyn FnMut(&'n str),
    ) {
        match self {
            Self::Text(template) => text(template),
            Self::Concat(parts) => parts.iter().for_each(|part| part.visit(text, input)),
            Self::IfPresent { input: name, then, otherwise } => {
                input(name);
                for node in then.nodes().iter().chain(otherwise.nodes()) {
                    node.visit(text, input);
                }
            }
        }
    }
}

impl Branch {
    fn read(
        value: Option<&Value>,
        kind: &'static str,
        depth: usize,
    ) -> Result<Self, TemplateError> {
        match value {
            None | Some(Value::Null) => Ok(Self::Nothing),
            Some(Value::Array(items)) => {
                let items = items.iter().filter(|item| !item.is_null());
                items
                    .map(|item| Node::read(item, kind, depth))
                    .collect::<Result<_, _>>()
                    .map(Self::Many)
            }
            Some(one) => Node::read(one, kind, depth).map(|node| Self::One(Box::new(node))),
        }
    }

    fn nodes(&self) -> &[Node] {
        match self {
            Self::Nothing => &[],
            Self::One(node) => std::slice::from_ref(node),
            Self::Many(nodes) => nodes,
        }
    }
}

impl From<String> for Argument {
    fn from(source: String) -> Self {
        Self::lenient(&source)
    }
}

impl From<Argument> for String {
    fn from(argument: Argument) -> Self {
        argument.source
    }
}
