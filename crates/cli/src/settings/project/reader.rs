//! Reads TOML with the place of everything, so that each complaint names its line.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use lightship_base::ByteSize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ProjectError;
use crate::args::{DurationArg, SizeArg};

/// A file's text.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

/// A table in it.
pub(super) struct Table<'a> {
    reader: &'a Reader<'a>,
    /// What it is called in messages: `[verify]`.
    name: &'a str,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
}

/// A value in it, and its key.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    reader: &'a Reader<'a>,
    pub(super) key: &'a str,
    spanned: &'a Spanned<DeValue<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'a>>, ProjectError> {
        DeTable::parse(self.text)
            .map_err(|error| self.error(error.span().unwrap_or(0..0), error.message(), None))
    }

    fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> ProjectError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        ProjectError::Invalid { path: self.path.to_owned(), line, message: message.into(), hint }
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(
        reader: &'a Reader<'a>,
        name: &'a str,
        entries: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Self {
        Self { reader, name, entries, span }
    }

    /// A complaint about the table as a whole.
    pub(super) fn error(&self, message: impl Into<String>, hint: &str) -> ProjectError {
        self.reader.error(self.span.clone(), message, Some(hint.to_owned()))
    }

    /// Fails at the first key that is not one of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ProjectError> {
        let mut keys: Vec<_> = self.entries.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let Some(key) = keys.iter().find(|key| !known.contains(&key.get_ref().as_ref())) else {
            return Ok(());
        };
        let name = key.get_ref();
        let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
        let hint = match nearest(name, known) {
            Some(near) => format!("write `{near}`"),
            None => format!("write one of {}", known.join(", ")),
        };
        Err(self.reader.error(key.span(), format!("there is no key `{name}`{place}"), Some(hint)))
    }

    /// The file that it is in.
    pub(super) fn path(&self) -> &Path {
        self.reader.path
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get(&self, key: &'a str) -> Option<Value<'a>> {
        Some(Value { reader: self.reader, key, spanned: self.entries.get(key)? })
    }

    pub(super) fn table(&self, key: &'a str) -> Result<Option<Table<'a>>, ProjectError> {
        self.get(key).map(Value::table).transpose()
    }

    /// `[[key]]`, any number of times.
    pub(super) fn tables(&self, key: &'a str) -> Result<Vec<Table<'a>>, ProjectError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        value.array("tables: `[[verify.check]]`")?.into_iter().map(Value::table).collect()
    }

    pub(super) fn text(&self, key: &'a str) -> Result<Option<String>, ProjectError> {
        self.get(key).map(|value| value.text().map(str::to_owned)).transpose()
    }

    pub(super) fn duration(&self, key: &'a str) -> Result<Option<Duration>, ProjectError> {
        Ok(self.get(key).map(Value::parsed::<DurationArg>).transpose()?.map(|time| time.0))
    }

    pub(super) fn size(&self, key: &'a str) -> Result<Option<ByteSize>, ProjectError> {
        Ok(self.get(key).map(Value::parsed::<SizeArg>).transpose()?.map(|size| size.0))
    }

    /// What is below a key: one element or a list of them, each read in the same way.
    pub(super) fn list<T>(
        &self,
        key: &'a str,
        read: impl Fn(Value<'a>) -> Result<T, ProjectError>,
    ) -> Result<Vec<T>, ProjectError> {
        self.get(key).map(Value::elements).unwrap_or_default().into_iter().map(read).collect()
    }

    /// Every value, with its key, in the order of the file.
    pub(super) fn values(&self) -> Vec<Value<'a>> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let value = |(key, spanned): (&'a Spanned<Cow<'a, str>>, _)| Value {
            reader: self.reader,
            key: key.get_ref().as_ref(),
            spanned,
        };
        entries.into_iter().map(value).collect()
    }

    /// The entries of a table of texts.
    pub(super) fn texts(&self) -> Result<Vec<(String, String)>, ProjectError> {
        let texts = self.values().into_iter();
        texts.map(|value| Ok((value.key.to_owned(), value.scalar()?))).collect()
    }
}

impl<'a> Value<'a> {
    /// A complaint about this value.
    pub(super) fn error(self, message: impl Into<String>) -> ProjectError {
        self.reader.error(self.spanned.span(), message, None)
    }

    fn wrong(self, expected: &str) -> ProjectError {
        let found = self.spanned.get_ref().type_str();
        self.error(format!("`{}` is of type {found}, and should be {expected}", self.key))
    }

    pub(super) fn text(self) -> Result<&'a str, ProjectError> {
        self.spanned.get_ref().as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// A text or a number, as text.
    pub(super) fn scalar(self) -> Result<String, ProjectError> {
        match self.spanned.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.as_str().to_owned()),
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                Err(self.wrong("a text or a number"))
            }
        }
    }

    pub(super) fn boolean(self) -> Result<bool, ProjectError> {
        self.spanned.get_ref().as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// A text or number with a grammar of its own.
    pub(super) fn parsed<T: FromStr>(self) -> Result<T, ProjectError>
    where
        T::Err: ToString,
    {
        let text = self.scalar()?;
        text.parse().map_err(|error: T::Err| {
            self.error(format!("`{}` is `{text}`: {}", self.key, error.to_string()))
        })
    }

    pub(super) fn table(self) -> Result<Table<'a>, ProjectError> {
        let entries = self.spanned.get_ref().as_table().ok_or_else(|| self.wrong("a table"))?;
        let name = match self.key {
            "check" => "a check",
            "verify" => "[verify]",
            "image" => "[image]",
            "python" => "[python]",
            "base" => "[base]",
            "app" => "[app]",
            "build" => "[build]",
            "index" => "[index]",
            "images" => "[images]",
            "secrets" => "[secrets]",
            "config-maps" => "[config-maps]",
            key => key,
        };
        Ok(Table { reader: self.reader, name, entries, span: self.spanned.span() })
    }

    pub(super) fn is_table(self) -> bool {
        self.spanned.get_ref().is_table()
    }

    /// The elements of a list.
    pub(super) fn array(self, expected: &str) -> Result<Vec<Value<'a>>, ProjectError> {
        let array = self.spanned.get_ref().as_array().ok_or_else(|| self.wrong(expected))?;
        let values = array.iter().map(|value| Value { spanned: value, ..self });
        Ok(values.collect())
    }

    /// The elements of a list, or the one thing that stands there instead of a list.
    pub(super) fn elements(self) -> Vec<Value<'a>> {
        match self.spanned.get_ref().as_array() {
            Some(array) => array.iter().map(|value| Value { spanned: value, ..self }).collect(),
            None => vec![self],
        }
    }

    pub(super) fn is_array(self) -> bool {
        self.spanned.get_ref().is_array()
    }
}

/// The known word that somebody may have meant.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |other: &&&str| strsim::damerau_levenshtein(word, other);
    let near = known.iter().min_by_key(distance)?;
    (strsim::damerau_levenshtein(word, near) <= 1 + near.len() / 4).then_some(*near)
}
