//! Parameters: their types, their values, and how one becomes the other.
//!
//! A value is JSON. The service keeps every number as a double, so `3` and `3.0` are one value there; here a number
//! without a fraction is kept as an integer wherever that is exact, so that it prints as `3`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// What a parameter can be (*PipelineSpec*, `ParameterType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ParameterType {
    /// A number.
    NumberDouble,
    /// A number without a fraction. The service is exact up to 2^53 only.
    NumberInteger,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// A JSON array.
    List,
    /// A JSON object.
    Struct,
    /// How an upstream task ended; an object that the engine fills in.
    TaskFinalStatus,
    /// What Kubernetes would be told about the task; an object that the engine fills in.
    TaskConfig,
}

impl ParameterType {
    /// All of them, with the names they have in a pipeline.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::NumberDouble, "NUMBER_DOUBLE"),
        (Self::NumberInteger, "NUMBER_INTEGER"),
        (Self::String, "STRING"),
        (Self::Boolean, "BOOLEAN"),
        (Self::List, "LIST"),
        (Self::Struct, "STRUCT"),
        (Self::TaskFinalStatus, "TASK_FINAL_STATUS"),
        (Self::TaskConfig, "TASK_CONFIG"),
    ];

    /// The name it has in a pipeline: `NUMBER_INTEGER`.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }

    /// The type of this name, also of the older names `INT`, `DOUBLE` and of the number it has on the wire.
    pub fn named(name: &str) -> Option<Self> {
        let old = match name {
            "INT" => Some(Self::NumberInteger),
            "DOUBLE" => Some(Self::NumberDouble),
            _ => None,
        };
        old.or_else(|| Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind))
    }

    /// Whether every value of `other` is a value of this type as well, as far as the service checks it.
    pub fn takes(self, other: Self) -> bool {
        use ParameterType as T;
        let objects = [T::Struct, T::TaskFinalStatus, T::TaskConfig];
        let numbers = [T::NumberDouble, T::NumberInteger];
        self == other
            || self == T::String
            || (objects.contains(&self) && objects.contains(&other))
            || (numbers.contains(&self) && numbers.contains(&other))
    }

    /// The value as a task of this type gets it. Texts take anything, as JSON; numbers without a fraction become
    /// integers; everything else must be what it is called.
    pub fn coerced(self, value: Value) -> Result<Value, ValueError> {
        let wrong = |value: &Value| Err(ValueError::Type { expected: self, got: Shown::of(value) });
        match (self, value) {
            (Self::String, Value::String(text)) => Ok(Value::String(text)),
            (Self::String, value) => Ok(Value::String(text_of(&value))),
            (Self::NumberDouble, Value::Number(number)) => Ok(Value::Number(number)),
            (Self::NumberInteger, Value::Number(number)) => match whole(&number) {
                Some(number) => Ok(Value::Number(number)),
                None => wrong(&Value::Number(number)),
            },
            (Self::Boolean, value @ Value::Bool(_))
            | (Self::List, value @ Value::Array(_))
            | (Self::Struct | Self::TaskFinalStatus | Self::TaskConfig, value @ Value::Object(_)) => {
                Ok(value)
            }
            (_, value) => wrong(&value),
        }
    }

    /// The value that a text stands for: what a person types for a run parameter, or a program writes to the file of an
    /// output parameter. Texts stay as they are, with their blanks; everything else is JSON, where Python's `True`
    /// and `False` count as well.
    pub fn parsed(self, text: &str) -> Result<Value, ValueError> {
        let unreadable = || ValueError::Text { expected: self, text: shortened(text) };
        match self {
            Self::String => Ok(Value::String(text.to_owned())),
            Self::Boolean => match text.trim() {
                "true" | "True" | "TRUE" | "1" => Ok(Value::Bool(true)),
                "false" | "False" | "FALSE" | "0" => Ok(Value::Bool(false)),
                _ => Err(unreadable()),
            },
            Self::NumberInteger | Self::NumberDouble => {
                let number = number_of(text.trim()).ok_or_else(unreadable)?;
                self.coerced(Value::Number(number))
            }
            Self::List | Self::Struct | Self::TaskFinalStatus | Self::TaskConfig => {
                let value: Value = serde_json::from_str(text).map_err(|_| unreadable())?;
                self.coerced(value)
            }
        }
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a value is none of the type that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// It is something else.
    #[error("expected {expected}, got {got}")]
    Type {
        /// What is asked for.
        expected: ParameterType,
        /// What there is.
        got: Shown,
    },
    /// A text that cannot be read so.
    #[error("`{text}` cannot be read as {expected}")]
    Text {
        /// What is asked for.
        expected: ParameterType,
        /// The text, shortened.
        text: String,
    },
    /// One that is not on the list of those allowed.
    #[error("{got} is not one of {}", allowed.join(", "))]
    NotAllowed {
        /// What there is.
        got: Shown,
        /// What there may be, as JSON.
        allowed: Vec<String>,
    },
}

/// A value as a message shows it: what it is, and its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    kind: &'static str,
    text: String,
}

impl Shown {
    /// Of a value.
    pub fn of(value: &Value) -> Self {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "the boolean",
            Value::Number(_) => "the number",
            Value::String(_) => "the text",
            Value::Array(_) => "the list",
            Value::Object(_) => "the object",
        };
        Self { kind, text: shortened(&value.to_string()) }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == "null" {
            f.write_str("null")
        } else {
            write!(f, "{} {}", self.kind, self.text)
        }
    }
}

/// What a value looks like where a text is wanted: texts as they are, `3` for a number without a fraction, `true`,
/// JSON for lists and objects, nothing for null.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => whole(number).unwrap_or_else(|| number.clone()).to_string(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => normal(value).to_string(),
    }
}

/// The same value with every number that has no fraction as an integer, at any depth.
pub fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number).unwrap_or_else(|| number.clone())),
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), normal(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// Whether two values are the same to the service, where 3 and 3.0 are.
pub fn same(a: &Value, b: &Value) -> bool {
    normal(a) == normal(b)
}

/// The number as an integer, where it is one and a double holds it exactly.
pub(crate) fn whole(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let double = number.as_f64()?;
    // Beyond 2^63 a double's digits would be made up.
    let exact = double.fract() == 0.0 && double.abs() < 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "its fraction is 0 and its size was just compared"
    )]
    exact.then(|| Number::from(double as i64))
}

/// A number as a person writes it; `1e3` and `+5` count, `inf` and `0x10` do not.
fn number_of(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(Number::from(number));
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(Number::from(number));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(57).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_without_a_fraction_are_integers() {
        let of = |value| ParameterType::NumberInteger.coerced(value).unwrap().to_string();
        assert_eq!(of(json!(3.0)), "3");
        assert_eq!(of(json!(-0.0)), "0");
        assert_eq!(of(json!(u64::MAX)), "18446744073709551615");
        assert_eq!(of(json!(9_007_199_254_740_993_i64)), "9007199254740993");
        let error = ParameterType::NumberInteger.coerced(json!(2.5)).unwrap_err();
        assert_eq!(error.to_string(), "expected NUMBER_INTEGER, got the number 2.5");
        assert!(ParameterType::NumberInteger.coerced(json!(1e300)).is_err());
    }

    #[test]
    fn texts_take_everything_as_json() {
        let of = |value| ParameterType::String.coerced(value).unwrap();
        assert_eq!(of(json!([1.0, "a", {"b": 2.5}])), json!(r#"[1,"a",{"b":2.5}]"#));
        assert_eq!(of(json!(true)), json!("true"));
        assert_eq!(of(json!(4.0)), json!("4"));
    }

    #[test]
    fn what_people_type_is_read_by_type() {
        use ParameterType as T;
        assert_eq!(T::NumberDouble.parsed("1e3").unwrap(), json!(1000.0));
        assert_eq!(T::NumberInteger.parsed(" 7 ").unwrap(), json!(7));
        assert_eq!(T::Boolean.parsed("True").unwrap(), json!(true));
        assert_eq!(T::String.parsed(" 7 ").unwrap(), json!(" 7 "));
        assert_eq!(T::List.parsed("[1]").unwrap(), json!([1]));
        let error = T::Struct.parsed("[1]").unwrap_err();
        assert_eq!(error.to_string(), "expected STRUCT, got the list [1]");
        for text in ["inf", "0x10", "", "nan", "1_000"] {
            assert!(T::NumberDouble.parsed(text).is_err(), "{text}");
        }
    }
}
