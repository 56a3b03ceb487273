//! Reads TOML with the place of everything, so that each complaint names its line.

use std::ops::Range;

use lightship_base::Digest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Error;

/// A file's text.
pub(crate) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

/// A table in it.
#[derive(Clone)]
pub(crate) struct Table<'a> {
    reader: &'a Reader<'a>,
    /// What it is called in messages: `[[wheel]]`.
    name: &'a str,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
}

/// A value in it, and its key.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    reader: &'a Reader<'a>,
    key: &'a str,
    spanned: &'a Spanned<DeValue<'a>>,
}

impl<'a> Reader<'a> {
    /// `file` is for messages.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'a>>, Error> {
        DeTable::parse(self.text)
            .map_err(|error| self.error(error.span().unwrap_or(0..0), error.message(), None))
    }

    pub(crate) fn top(&'a self, document: &'a Spanned<DeTable<'a>>) -> Table<'a> {
        Table { reader: self, name: "", entries: document.get_ref(), span: document.span() }
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) -> Error {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        Error::Invalid { file: self.file.to_owned(), line, message: message.into(), hint }
    }
}

impl<'a> Table<'a> {
    /// A complaint about the table as a whole.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        self.reader.error(self.span.clone(), message, None)
    }

    /// Fails at the first key that is not one of these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let name = key.get_ref();
        let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
        let hint = match nearest(name, known) {
            Some(near) => format!("write `{near}`"),
            None => format!("write one of {}", known.join(", ")),
        };
        Err(self.reader.error(key.span(), format!("there is no key `{name}`{place}"), Some(hint)))
    }

    /// All keys, in the order of the text.
    pub(crate) fn values(&self) -> Vec<(&'a str, Value<'a>)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let values = entries.into_iter().map(|(key, spanned)| {
            let key = key.get_ref().as_ref();
            (key, Value { reader: self.reader, key, spanned })
        });
        values.collect()
    }

    pub(crate) fn get(&self, key: &'a str) -> Option<Value<'a>> {
        Some(Value { reader: self.reader, key, spanned: self.entries.get(key)? })
    }

    /// A value that must be there.
    pub(crate) fn need(&self, key: &'a str) -> Result<Value<'a>, Error> {
        let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
        self.get(key).ok_or_else(|| self.error(format!("the key `{key}` is missing{place}")))
    }

    pub(crate) fn table(&self, key: &'a str) -> Result<Option<Table<'a>>, Error> {
        self.get(key).map(Value::table).transpose()
    }

    /// `[[key]]`, any number of times; at most `most`.
    pub(crate) fn tables(&self, key: &'a str, most: usize) -> Result<Vec<Table<'a>>, Error> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let values = value.array()?;
        if values.len() > most {
            return Err(value.error(format!("`{key}` has more than {most} entries")));
        }
        values.into_iter().map(Value::table).collect()
    }

    pub(crate) fn optional_text(&self, key: &'a str) -> Result<Option<String>, Error> {
        self.get(key).map(|value| value.text().map(str::to_owned)).transpose()
    }

    pub(crate) fn text(&self, key: &'a str) -> Result<String, Error> {
        self.need(key)?.text().map(str::to_owned)
    }

    pub(crate) fn digest(&self, key: &'a str) -> Result<Digest, Error> {
        self.need(key)?.digest()
    }

    /// A number of bytes.
    pub(crate) fn size(&self, key: &'a str) -> Result<Option<u64>, Error> {
        self.get(key).map(Value::number).transpose()
    }

    /// A list of texts; empty where there is none.
    pub(crate) fn texts(&self, key: &'a str) -> Result<Vec<String>, Error> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        value.array()?.into_iter().map(|value| value.text().map(str::to_owned)).collect()
    }
}

impl<'a> Value<'a> {
    /// A complaint about this value.
    pub(crate) fn error(self, message: impl Into<String>) -> Error {
        self.reader.error(self.spanned.span(), message, None)
    }

    /// The same, with what to do about it.
    pub(crate) fn error_with_hint(self, message: String, hint: &str) -> Error {
        self.reader.error(self.spanned.span(), message, Some(hint.to_owned()))
    }

    fn wrong(self, expected: &str) -> Error {
        let found = self.spanned.get_ref().type_str();
        self.error(format!("`{}` is of type {found}, and should be {expected}", self.key))
    }

    pub(crate) fn text(self) -> Result<&'a str, Error> {
        self.spanned.get_ref().as_str().ok_or_else(|| self.wrong("a text"))
    }

    pub(crate) fn number(self) -> Result<u64, Error> {
        let number = self.spanned.get_ref().as_integer();
        let number =
            number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.ok_or_else(|| self.wrong("a whole number from 0 up"))
    }

    /// A SHA-256 with its algorithm before it.
    pub(crate) fn digest(self) -> Result<Digest, Error> {
        self.parsed()
    }

    /// A text with a grammar of its own.
    pub(crate) fn parsed<T: std::str::FromStr>(self) -> Result<T, Error>
    where
        T::Err: ToString,
    {
        let text = self.text()?;
        text.parse()
            .map_err(|error: T::Err| self.error(format!("`{}`: {}", self.key, error.to_string())))
    }

    pub(crate) fn table(self) -> Result<Table<'a>, Error> {
        let entries = self.spanned.get_ref().as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Table { reader: self.reader, name: self.key, entries, span: self.spanned.span() })
    }

    /// The elements of a list.
    pub(crate) fn array(self) -> Result<Vec<Value<'a>>, Error> {
        let array = self.spanned.get_ref().as_array().ok_or_else(|| self.wrong("a list"))?;
        Ok(array.iter().map(|value| Value { spanned: value, ..self }).collect())
    }
}

/// The known word that somebody may have meant.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // Distance is quadratic in the length, and nobody mistypes a key by a kilobyte.
    if word.len() > 64 {
        return None;
    }
    let distance = |other: &&&str| strsim::damerau_levenshtein(word, other);
    let near = known.iter().min_by_key(distance)?;
    (strsim::damerau_levenshtein(word, near) <= 1 + near.len() / 4).then_some(*near)
}
