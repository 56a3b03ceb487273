//! Values that are written in a pipeline, with placeholders in their texts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Context, Placeholder, RenderError, Template, TemplateError};

/// A value whose texts may have placeholders, at any depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Value", from = "Value")]
pub enum Constant {
    /// A value without any.
    Plain(Value),
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<Constant>),
    /// An object.
    Struct(Vec<(String, Constant)>),
}

impl Constant {
    /// Reads a value in which every placeholder must make sense.
    pub fn parse(value: &Value) -> Result<Self, TemplateError> {
        Self::read(value, &Template::parse)
    }

    fn lenient(value: &Value) -> Self {
        let read = |text: &str| Ok(Template::lenient(text));
        Self::read(value, &read).unwrap_or_else(|_| Self::Plain(value.clone()))
    }

    fn read(
        value: &Value,
        text: &dyn Fn(&str) -> Result<Template, TemplateError>,
    ) -> Result<Self, TemplateError> {
        let read = |value: &Value| Self::read(value, text);
        let this = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.clone()),
            Value::String(value) => Self::Text(text(value)?),
            Value::Array(items) => Self::List(items.iter().map(read).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let read = |(key, value): (&String, _)| Ok((key.clone(), read(value)?));
                Self::Struct(map.iter().map(read).collect::<Result<_, _>>()?)
            }
        };
        Ok(if this.is_literal() { Self::Plain(value.clone()) } else { this })
    }

    /// Whether nothing in it depends on a run.
    pub fn is_literal(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Text(template) => template.is_literal(),
            Self::List(items) => items.iter().all(Self::is_literal),
            Self::Struct(fields) => fields.iter().all(|(_, field)| field.is_literal()),
        }
    }

    /// Its value, where nothing in it depends on a run.
    pub fn literal(&self) -> Option<&Value> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Text(_) | Self::List(_) | Self::Struct(_) => None,
        }
    }

    /// Calls `each` with every placeholder in it.
    pub fn placeholders(&self, each: &mut dyn FnMut(&Placeholder)) {
        match self {
            Self::Plain(_) => {}
            Self::Text(template) => template.placeholders().for_each(each),
            Self::List(items) => items.iter().for_each(|item| item.placeholders(each)),
            Self::Struct(fields) => fields.iter().for_each(|(_, field)| field.placeholders(each)),
        }
    }

    /// Its value in a task. A text stays a text, whatever its placeholders stand for.
    pub fn render(&self, context: &Context<'_>) -> Result<Value, RenderError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => Value::String(template.render(context)?),
            Self::List(items) => Value::Array(
                items.iter().map(|item| item.render(context)).collect::<Result<_, _>>()?,
            ),
            Self::Struct(fields) => {
                let render =
                    |(key, field): &(String, Self)| Ok((key.clone(), field.render(context)?));
                Value::Object(fields.iter().map(render).collect::<Result<Map<_, _>, _>>()?)
            }
        })
    }
}

impl From<Value> for Constant {
    fn from(value: Value) -> Self {
        Self::lenient(&value)
    }
}

impl From<Constant> for Value {
    fn from(constant: Constant) -> Self {
        match constant {
            Constant::Plain(value) => value,
            Constant::Text(template) => Self::String(template.text),
            Constant::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Constant::Struct(fields) => {
                Self::Object(fields.into_iter().map(|(key, field)| (key, field.into())).collect())
            }
        }
    }
}
