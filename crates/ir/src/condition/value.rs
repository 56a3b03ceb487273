//! What an expression's parts are worth.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::value::whole;

/// Maps have texts as keys: JSON has no others. To name a value costs nothing, however large it is.
#[derive(Debug, Clone)]
pub(super) enum Cel {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Arc<str>),
    List(Arc<Vec<Cel>>),
    Map(Arc<BTreeMap<String, Cel>>),
}

impl Cel {
    /// Numbers become doubles, which is what upstream makes of them.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::text(text.as_str()),
            Value::Array(items) => Self::list(items.iter().map(Self::of).collect()),
            Value::Object(map) => {
                Self::map(map.iter().map(|(key, value)| (key.clone(), Self::of(value))))
            }
        }
    }

    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// Takes from `left` what it costs to look at all of it. False where that was not enough.
    pub(super) fn weigh(&self, left: &mut u64) -> bool {
        let own = match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Double(_) => 0,
            Self::String(text) => text.len() / 64,
            Self::List(items) => items.len() / 64,
            Self::Map(map) => map.keys().map(|key| key.len() / 64).sum(),
        };
        let enough = left.checked_sub(1 + own as u64);
        *left = enough.unwrap_or(0);
        enough.is_some()
            && match self {
                Self::Null | Self::Bool(_) | Self::Int(_) | Self::Double(_) | Self::String(_) => {
                    true
                }
                Self::List(items) => items.iter().all(|item| item.weigh(left)),
                Self::Map(map) => map.values().all(|value| value.weigh(left)),
            }
    }

    pub(super) fn map(entries: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self::Map(Arc::new(entries.into_iter().collect()))
    }

    /// The same map with what is under one key under another as well.
    pub(super) fn with(self, alias: &str, key: &str) -> Self {
        match &self {
            Self::Map(map) => match map.get(key) {
                Some(value) => {
                    let mut map = (**map).clone();
                    map.insert(alias.to_owned(), value.clone());
                    Self::Map(Arc::new(map))
                }
                None => self,
            },
            _ => self,
        }
    }

    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::from(value),
            Self::Double(value) => Number::from_f64(value)
                .map_or(Value::Null, |number| Value::Number(whole(&number).unwrap_or(number))),
            Self::String(text) => Value::String(text.as_ref().to_owned()),
            Self::List(items) => Value::Array(items.iter().cloned().map(Self::into_json).collect()),
            Self::Map(map) => {
                let entry =
                    |(key, value): (&String, &Self)| (key.clone(), value.clone().into_json());
                Value::Object(map.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }

    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::String(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The value itself, for a message.
    pub(super) fn shown(&self) -> String {
        let text = self.clone().into_json().to_string();
        text.chars().take(60).collect()
    }

    /// How two values compare; none where they have no order.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Double(b)) => int_and_double(*a, *b),
            (Self::Double(a), Self::Int(b)) => int_and_double(*b, *a).map(Ordering::reverse),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Values of different kinds are not equal (*CEL language definition, Equality*).
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                let same =
                    |(key, value): (&String, &Self)| b.get(key).is_some_and(|o| value.equals(o));
                a.len() == b.len() && a.iter().all(same)
            }
            (a, b) => a.order(b) == Some(Ordering::Equal),
        }
    }
}

/// Exact, also where a double cannot hold the integer.
#[expect(clippy::cast_possible_truncation, reason = "its size is compared first")]
fn int_and_double(int: i64, double: f64) -> Option<Ordering> {
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= EDGE {
        return Some(Ordering::Less);
    }
    if double < -EDGE {
        return Some(Ordering::Greater);
    }
    let floor = double.floor();
    match int.cmp(&(floor as i64)) {
        Ordering::Equal if double > floor => Some(Ordering::Less),
        order => Some(order),
    }
}
