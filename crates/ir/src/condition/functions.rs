//! Operators and functions (*CEL language definition, List of standard definitions*), and upstream's `parseJson`.

use std::cmp::Ordering;
use std::sync::Arc;

use regex::RegexBuilder;

use super::ConditionError;
use super::eval::operands;
use super::value::Cel;

type Result<T = Cel> = std::result::Result<T, ConditionError>;

/// Memory that a pattern may take once it is compiled, in bytes.
const PATTERN_LIMIT: usize = 1 << 20;
/// The longest text that a `+` may make, in bytes.
const TEXT_LIMIT: usize = 16 << 20;

pub(super) fn field(of: &Cel, field: &str) -> Result {
    match of {
        Cel::Map(map) => map.get(field).cloned().ok_or_else(|| no_key(field)),
        other => Err(ConditionError::Key(format!("field `{field}` in {}", other.kind()))),
    }
}

pub(super) fn index(of: &Cel, index: &Cel) -> Result {
    match (of, index) {
        (Cel::Map(map), Cel::String(key)) => map.get(&**key).cloned().ok_or_else(|| no_key(key)),
        // A list of artifacts is a map that numbers are keys of as well.
        (Cel::Map(map), Cel::Int(at)) => {
            map.get(&at.to_string()).cloned().ok_or_else(|| no_key(&at.to_string()))
        }
        (Cel::List(items), at) => {
            let place = place(at).and_then(|at| items.get(at));
            place
                .cloned()
                .ok_or_else(|| ConditionError::Key(format!("item {} in the list", at.shown())))
        }
        (of, index) => Err(operands("[]", &[of, index])),
    }
}

fn no_key(key: &str) -> ConditionError {
    ConditionError::Key(format!("key `{}`", key.chars().take(100).collect::<String>()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its bounds are compared"
)]
fn place(at: &Cel) -> Option<usize> {
    match at {
        Cel::Int(at) => usize::try_from(*at).ok(),
        Cel::Double(at) if at.fract() == 0.0 && (0.0..1e15).contains(at) => Some(*at as usize),
        _ => None,
    }
}

pub(super) fn negate(value: &Cel) -> Result {
    match value {
        Cel::Int(value) => value.checked_neg().map(Cel::Int).ok_or(ConditionError::Arithmetic("-")),
        Cel::Double(value) => Ok(Cel::Double(-value)),
        other => Err(operands("-", &[other])),
    }
}

pub(super) fn binary(operator: &'static str, a: &Cel, b: &Cel) -> Result {
    match operator {
        "==" => Ok(Cel::Bool(a.equals(b))),
        "!=" => Ok(Cel::Bool(!a.equals(b))),
        "<" | "<=" | ">" | ">=" => compare(operator, a, b),
        "in" => contains(a, b),
        _ => arithmetic(operator, a, b),
    }
}

/// Two numbers that have no order, because one is NaN, make every comparison false.
fn compare(operator: &'static str, a: &Cel, b: &Cel) -> Result {
    let number = |value: &Cel| matches!(value, Cel::Int(_) | Cel::Double(_));
    let holds = match a.order(b) {
        None if number(a) && number(b) => false,
        None => return Err(operands(operator, &[a, b])),
        Some(order) => match operator {
            "<" => order == Ordering::Less,
            "<=" => order != Ordering::Greater,
            ">" => order == Ordering::Greater,
            _ => order != Ordering::Less,
        },
    };
    Ok(Cel::Bool(holds))
}

fn contains(item: &Cel, of: &Cel) -> Result {
    match (item, of) {
        (item, Cel::List(items)) => Ok(Cel::Bool(items.iter().any(|other| other.equals(item)))),
        (Cel::String(key), Cel::Map(map)) => Ok(Cel::Bool(map.contains_key(&**key))),
        (_, Cel::Map(_)) => Ok(Cel::Bool(false)),
        (item, of) => Err(operands("in", &[item, of])),
    }
}

fn arithmetic(operator: &'static str, a: &Cel, b: &Cel) -> Result {
    let wrong = || operands(operator, &[a, b]);
    match (a, b) {
        (Cel::Int(a), Cel::Int(b)) => integers(operator, *a, *b),
        (Cel::Double(a), Cel::Double(b)) => doubles(operator, *a, *b).ok_or_else(wrong),
        (Cel::Int(a), Cel::Double(b)) => doubles(operator, *a as f64, *b).ok_or_else(wrong),
        (Cel::Double(a), Cel::Int(b)) => doubles(operator, *a, *b as f64).ok_or_else(wrong),
        (Cel::String(a), Cel::String(b)) if operator == "+" => {
            let short = a.len() + b.len() <= TEXT_LIMIT;
            if short { Ok(Cel::text(format!("{a}{b}"))) } else { Err(ConditionError::TooLong) }
        }
        (Cel::List(a), Cel::List(b)) if operator == "+" => {
            Ok(Cel::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        _ => Err(wrong()),
    }
}

fn integers(operator: &'static str, a: i64, b: i64) -> Result {
    let result = match operator {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.map(Cel::Int).ok_or(ConditionError::Arithmetic(operator))
}

/// None for `%`, which doubles do not have.
fn doubles(operator: &'static str, a: f64, b: f64) -> Option<Cel> {
    match operator {
        "+" => Some(Cel::Double(a + b)),
        "-" => Some(Cel::Double(a - b)),
        "*" => Some(Cel::Double(a * b)),
        "/" => Some(Cel::Double(a / b)),
        _ => None,
    }
}

pub(super) fn call(name: &str, arguments: &[Cel]) -> Result {
    match (name, arguments) {
        ("int" | "uint", [value]) => int(value).map(Cel::Int),
        ("double", [value]) => double(value).map(Cel::Double),
        ("string", [value]) => string(value).map(Cel::String),
        ("bool", [value]) => boolean(value).map(Cel::Bool),
        ("dyn", [value]) => Ok(value.clone()),
        ("size", [value]) => size(value),
        ("parseJson", [Cel::String(text)]) => {
            let wrong = |_| conversion(&Cel::String(text.clone()), "JSON");
            serde_json::from_str(text).map_err(wrong).map(|value| Cel::of(&value))
        }
        ("contains", [Cel::String(a), Cel::String(b)]) => Ok(Cel::Bool(a.contains(&**b))),
        ("startsWith", [Cel::String(a), Cel::String(b)]) => Ok(Cel::Bool(a.starts_with(&**b))),
        ("endsWith", [Cel::String(a), Cel::String(b)]) => Ok(Cel::Bool(a.ends_with(&**b))),
        ("matches", [Cel::String(text), Cel::String(pattern)]) => {
            let pattern = RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT).build();
            let wrong = |_| ConditionError::Pattern(arguments[1].shown());
            pattern.map_err(wrong).map(|pattern| Cel::Bool(pattern.is_match(text)))
        }
        (_, arguments) => {
            let kinds: Vec<&str> = arguments.iter().map(Cel::kind).collect();
            Err(ConditionError::Function(format!("{name}({})", kinds.join(", "))))
        }
    }
}

fn conversion(value: &Cel, wanted: &'static str) -> ConditionError {
    ConditionError::Conversion { value: value.shown(), wanted }
}

/// Doubles lose their fraction, as in CEL. The SDK writes `int(…)` around every number that it compares, and the value
/// of a text may be `3.0` where a double was printed.
#[expect(clippy::cast_possible_truncation, reason = "its bounds are compared")]
fn int(value: &Cel) -> Result<i64> {
    let of_double = |value: f64| (value.abs() < 9.2e18).then_some(value as i64);
    let result = match value {
        Cel::Int(value) => Some(*value),
        Cel::Double(value) => of_double(*value),
        Cel::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| {
                let double: f64 = text.parse().ok()?;
                (double.fract() == 0.0).then(|| of_double(double)).flatten()
            })
        }
        Cel::Null | Cel::Bool(_) | Cel::List(_) | Cel::Map(_) => None,
    };
    result.ok_or_else(|| conversion(value, "integer"))
}

fn double(value: &Cel) -> Result<f64> {
    let result = match value {
        Cel::Int(value) => Some(*value as f64),
        Cel::Double(value) => Some(*value),
        Cel::String(text) => text.trim().parse().ok(),
        Cel::Null | Cel::Bool(_) | Cel::List(_) | Cel::Map(_) => None,
    };
    result.ok_or_else(|| conversion(value, "number"))
}

fn string(value: &Cel) -> Result<Arc<str>> {
    match value {
        Cel::String(text) => Ok(Arc::clone(text)),
        Cel::Bool(_) | Cel::Int(_) | Cel::Double(_) => {
            Ok(value.clone().into_json().to_string().into())
        }
        Cel::Null | Cel::List(_) | Cel::Map(_) => Err(conversion(value, "text")),
    }
}

fn boolean(value: &Cel) -> Result<bool> {
    match value {
        Cel::Bool(value) => Ok(*value),
        Cel::String(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(conversion(value, "boolean")),
        },
        Cel::Null | Cel::Int(_) | Cel::Double(_) | Cel::List(_) | Cel::Map(_) => {
            Err(conversion(value, "boolean"))
        }
    }
}

/// Characters of a text, items of a list, keys of a map.
fn size(value: &Cel) -> Result {
    let size = match value {
        Cel::String(text) => text.chars().count(),
        Cel::List(items) => items.len(),
        Cel::Map(map) => map.len(),
        Cel::Null | Cel::Bool(_) | Cel::Int(_) | Cel::Double(_) => {
            return Err(ConditionError::Function(format!("size({})", value.kind())));
        }
    };
    Ok(Cel::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}
