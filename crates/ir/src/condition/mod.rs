//! Conditions and selectors, in the Common Expression Language (*CEL language definition*).
//!
//! **Why our own evaluator.** The one crate that there is parses with a runtime that was generated for another language,
//! and brings a dozen crates with it; it has no bound on an expression's depth or on its steps, and its errors
//! have no place. What pipelines say is small: the SDK writes comparisons of inputs with literals, `int(…)`, `&&`, `||`
//! and `!(…)`; people who write a pipeline by hand reach for arithmetic, `in`, `size` and texts. That is all here, with
//! the macros, and with upstream's `parseJson`. What is not here, and is refused by name: bytes, timestamps,
//! durations, messages.
//!
//! Numbers of parameters are doubles, as upstream has them. Doubles and integers may meet in arithmetic (the result is
//! a double) and in comparisons; CEL itself allows only the latter, and people stumble over the former.
//!
//! An expression is parsed once. It is stored as its text.

mod eval;
mod functions;
mod lexer;
mod parser;
mod value;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::{Artifact, Exchange};
use crate::value::text_of;
use parser::Expr;
use value::Cel;

/// Whether a task runs: an expression over what it is given, whose value is true or false.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Condition {
    source: String,
    expr: Expr,
}

/// Which part of a value is meant: an expression over `string_value` and its siblings.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Selector {
    source: String,
    expr: Expr,
}

/// Why an expression makes no sense, or has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It is no expression.
    #[error("column {column}: {what}")]
    Syntax {
        /// Where, from 1, in characters.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// There is no such variable.
    #[error("there is no variable `{0}`")]
    Variable(String),
    /// There is no such function.
    #[error("there is no function `{0}` for these arguments")]
    Function(String),
    /// A map has no such key, or a list no such place.
    #[error("there is no {0}")]
    Key(String),
    /// An operator that does not go with its operands.
    #[error("`{operator}` does not go with {operands}")]
    Operands {
        /// Which.
        operator: &'static str,
        /// What they are: `a text and a number`.
        operands: String,
    },
    /// A value that cannot be converted.
    #[error("{value} is no {wanted}")]
    Conversion {
        /// What there is.
        value: String,
        /// What it should become.
        wanted: &'static str,
    },
    /// An integer beyond 64 bits, or a division by zero.
    #[error("the result of `{0}` is no number")]
    Arithmetic(&'static str),
    /// A condition that is neither true nor false.
    #[error("its value is {0} and neither true nor false")]
    NotBoolean(String),
    /// A pattern that is none.
    #[error("`{0}` is no regular expression")]
    Pattern(String),
    /// An expression that would take for ever.
    #[error("it takes too many steps")]
    TooLong,
}

impl Condition {
    /// Reads a condition.
    pub fn parse(source: &str) -> Result<Self, ConditionError> {
        Ok(Self { source: source.to_owned(), expr: parser::parse(source)? })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The input parameters that it names literally, and the input artifacts.
    pub fn inputs(&self) -> (Vec<&str>, Vec<&str>) {
        (self.expr.named(&["parameter_values", "parameters"]), self.expr.named(&["artifacts"]))
    }

    /// Whether the task runs. `inputs.parameter_values['n']` is an input parameter, `inputs.artifacts['n']` the list of
    /// an input's artifacts, each with `uri`, `name` and `metadata`; `outputs` has the same shape.
    pub fn holds(&self, exchange: &Exchange) -> Result<bool, ConditionError> {
        match eval::evaluate(&self.expr, &surroundings(exchange))? {
            Cel::Bool(holds) => Ok(holds),
            other => Err(ConditionError::NotBoolean(other.shown())),
        }
    }
}

impl Selector {
    /// Reads a selector.
    pub fn parse(source: &str) -> Result<Self, ConditionError> {
        Ok(Self { source: source.to_owned(), expr: parser::parse(source)? })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The part of a value. `string_value` is always there: the value as text, JSON where it is none.
    pub fn select(&self, value: &Value) -> Result<Value, ConditionError> {
        let named = match value {
            Value::Null => Some("null_value"),
            Value::Bool(_) => Some("bool_value"),
            Value::Number(_) => Some("number_value"),
            Value::Array(_) => Some("list_value"),
            Value::Object(_) => Some("struct_value"),
            Value::String(_) => None,
        };
        let mut variables = vec![("string_value".to_owned(), Cel::text(text_of(value)))];
        variables.extend(named.map(|name| (name.to_owned(), Cel::of(value))));
        eval::evaluate(&self.expr, &Cel::map(variables)).map(Cel::into_json)
    }
}

/// The variables of a condition: the fields of an `ExecutorInput`.
fn surroundings(exchange: &Exchange) -> Cel {
    let inputs = &exchange.inputs;
    let values = || inputs.parameters.iter().map(|(name, value)| (name.clone(), Cel::of(value)));
    let lists = inputs.artifacts.iter().map(|(name, list)| (name.clone(), artifacts(list)));
    let made = exchange.outputs.artifacts.iter();
    let made = made.map(|(name, one)| (name.clone(), artifacts(std::slice::from_ref(one))));
    let inputs = [
        ("parameter_values".to_owned(), Cel::map(values())),
        ("parameters".to_owned(), Cel::map(values())),
        ("artifacts".to_owned(), Cel::map(lists)),
    ];
    let outputs = [("artifacts".to_owned(), Cel::map(made))];
    Cel::map([("inputs".to_owned(), Cel::map(inputs)), ("outputs".to_owned(), Cel::map(outputs))])
}

/// The list of an input's artifacts. The proto's own example writes `inputs.artifacts['m'][0]`, its message has
/// `inputs.artifacts['m'].artifacts[0]`: a map with both kinds of keys takes both. `properties` is what `metadata` was
/// called before.
fn artifacts(list: &[Artifact]) -> Cel {
    let of = |artifact: &Artifact| Cel::of(&artifact.to_json()).with("properties", "metadata");
    let list: Vec<Cel> = list.iter().map(of).collect();
    let numbered = list.iter().enumerate().map(|(at, item)| (at.to_string(), item.clone()));
    let mut entries: Vec<(String, Cel)> = numbered.collect();
    entries.push(("artifacts".to_owned(), Cel::list(list)));
    Cel::map(entries)
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.source == other.source
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.source, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ConditionError;
            fn try_from(source: String) -> Result<Self, ConditionError> {
                Self::parse(&source)
            }
        }

        impl From<$name> for String {
            fn from(parsed: $name) -> Self {
                parsed.source
            }
        }
    )*};
}

as_text! { Condition Selector }

#[cfg(test)]
mod tests;
