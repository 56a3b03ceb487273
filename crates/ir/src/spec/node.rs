//! One value of a document, with its place: reads what should be there and notes what is not.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde_json::Value;

use crate::problem::{Fault, MOST_KEPT, Patience, Place, Problem, Unknown};

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    problems: RefCell<Vec<Problem>>,
    patience: RefCell<Patience>,
}

impl Faults {
    pub(crate) fn add(&self, place: Place, fault: Fault) {
        let mut problems = self.problems.borrow_mut();
        let problem = Problem { place, fault };
        if problems.len() < MOST_KEPT && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// A name that is not among those that are known, and which of these was probably meant.
    pub(crate) fn unknown<'a>(
        &self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Unknown {
        Unknown::within(&mut self.patience.borrow_mut(), name, known)
    }

    pub(crate) fn take(&self) -> Vec<Problem> {
        std::mem::take(&mut self.problems.borrow_mut())
    }
}

/// The beginning of a value's text. All of it may be as long as the document.
fn beginning(value: &Value) -> String {
    struct Short(String);
    impl fmt::Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = SHOWN - self.0.chars().count();
            self.0.extend(text.chars().take(room));
            if self.0.chars().count() < SHOWN { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut short = Short(String::new());
    // It ends with an error when it is long enough.
    let _ = write!(short, "{value}");
    short.0
}

/// Letters of a value that a message shows.
const SHOWN: usize = 60;

/// A value; null where there is none.
#[derive(Debug, Clone)]
pub(crate) struct Node<'d> {
    value: &'d Value,
    base: Place,
    field: String,
    faults: &'d Faults,
}

static NULL: Value = Value::Null;

impl<'d> Node<'d> {
    /// A value whose fields are named below `base`.
    pub(crate) fn of(value: &'d Value, base: Place, faults: &'d Faults) -> Self {
        Self { value, base, field: String::new(), faults }
    }

    /// The same with its fields named below another place.
    pub(crate) fn rebased(mut self, base: Place) -> Self {
        self.base = base;
        self.field.clear();
        self
    }

    /// The same with another name for its place.
    pub(crate) fn named(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.faults.add(self.place(), fault);
    }

    pub(crate) fn place(&self) -> Place {
        self.base.at(self.field.clone())
    }

    /// What the field is called, from its task or document.
    pub(crate) fn field(&self) -> &str {
        &self.field
    }

    fn wrong(&self, expected: &'static str) {
        self.fault(Fault::Shape { expected, got: beginning(self.value) });
    }

    fn below(&self, name: &str, value: &'d Value) -> Self {
        let dot = if self.field.is_empty() || name.starts_with('[') { "" } else { "." };
        let field = format!("{}{dot}{name}", self.field);
        Self { value, base: self.base.clone(), field, faults: self.faults }
    }

    /// A field of an object, by its name in camel case.
    pub(crate) fn get(&self, name: &str) -> Self {
        let found = match self.value {
            Value::Object(map) => map.get(name).or_else(|| map.get(&snake_case(name))),
            Value::Null => None,
            _ => {
                self.wrong("a map");
                None
            }
        };
        self.below(name, found.unwrap_or(&NULL))
    }

    /// A field of an object whose name is the author's own; none where it is not there.
    pub(crate) fn get_exact(&self, name: &str) -> Option<&'d Value> {
        self.value.as_object()?.get(name)
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// The value itself; none where it is null.
    pub(crate) fn value(&self) -> Option<&'d Value> {
        Some(self.value).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&self) -> Option<String> {
        match self.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            _ => {
                self.wrong("a text");
                None
            }
        }
    }

    pub(crate) fn required_text(&self) -> String {
        if matches!(self.value, Value::Null) || self.value.as_str() == Some("") {
            self.fault(Fault::Missing);
        }
        self.text().unwrap_or_default()
    }

    /// A text, or a number or boolean as YAML may have read one.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self.value {
            Value::Number(_) | Value::Bool(_) => Some(crate::value::text_of(self.value)),
            _ => self.text(),
        }
    }

    pub(crate) fn flag(&self) -> bool {
        self.maybe_flag().unwrap_or(false)
    }

    pub(crate) fn maybe_flag(&self) -> Option<bool> {
        match self.value {
            Value::Null => None,
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong("true or false");
                None
            }
        }
    }

    /// A number without a fraction; protobuf's JSON writes those of 64 bits as texts.
    pub(crate) fn integer(&self) -> Option<i64> {
        let parsed = match self.value {
            Value::Null => return None,
            Value::Number(number) => crate::value::whole(number).and_then(|number| number.as_i64()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong("a number without a fraction");
        }
        parsed
    }

    pub(crate) fn number(&self) -> Option<f64> {
        let parsed = match self.value {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong("a number");
        }
        parsed
    }

    /// `3s`, `0.5s`: protobuf's JSON for a duration.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let text = match self.value {
            Value::Null => return None,
            Value::String(text) => text.as_str(),
            _ => "",
        };
        let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if duration.is_none() {
            self.wrong("a duration such as 30s");
        }
        duration
    }

    /// A number of seconds that is more than none.
    pub(crate) fn seconds(&self) -> Option<Duration> {
        let seconds = self.integer()?;
        match u64::try_from(seconds) {
            Ok(0) => None,
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => {
                self.wrong("a number of seconds");
                None
            }
        }
    }

    /// What an object holds, in its order. Entries that are null are there all the same.
    pub(crate) fn entries(&self) -> Vec<(String, Self)> {
        match self.value {
            Value::Null => Vec::new(),
            Value::Object(map) => {
                map.iter().map(|(name, value)| (name.clone(), self.below(name, value))).collect()
            }
            _ => {
                self.wrong("a map");
                Vec::new()
            }
        }
    }

    /// What a list holds.
    pub(crate) fn items(&self) -> Vec<Self> {
        match self.value {
            Value::Null => Vec::new(),
            Value::Array(items) => {
                let item = |(at, value)| self.below(&format!("[{at}]"), value);
                items.iter().enumerate().map(item).collect()
            }
            _ => {
                self.wrong("a list");
                Vec::new()
            }
        }
    }

    /// A list of texts, or of what YAML may have read as something else.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |item: Self| match item.value {
            Value::String(text) => text.clone(),
            _ => item.scalar().unwrap_or_default(),
        };
        self.items().into_iter().map(text).collect()
    }
}

/// `componentRef` → `component_ref`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
