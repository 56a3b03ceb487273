//! YAML 1.2 as JSON values. What cannot be said in JSON is refused with its place.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::PackageError;

/// Deeper than any pipeline, and shallow enough for what goes through it by recursion.
const MAX_DEPTH: usize = 100;
/// Values in all documents together, each alias counted for all that it stands for, and long texts for several: a file
/// of a few lines can otherwise unfold to more than any memory.
const MAX_VALUES: usize = 2_000_000;
/// Bytes of a text that count for one value more.
const TEXT: usize = 64;
const MAX_DOCUMENTS: usize = 3;

/// The documents of a text; one that is empty is null.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, PackageError> {
    let mut reader = Reader::new(text);
    let mut documents = Vec::new();
    while let Some((event, mark)) = reader.next()? {
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if documents.len() >= MAX_DOCUMENTS => {
                return Err(PackageError::TooManyDocuments);
            }
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                let (event, mark) = reader.expected()?;
                documents.push(reader.value(event, mark, 0)?.value);
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd => return Err(at(mark, "a value stands outside of a document")),
        }
    }
    Ok(documents)
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Counted>,
    values: usize,
    /// Values that anchors name, each with all below it: they are kept a second time, and anchors within each other
    /// several times.
    kept: usize,
}

/// Whether JSON has no more values than a pipeline can have. Its reader has no such bound, and each value takes thirty
/// times the room that it takes in a text; so they are counted before they are made.
pub(super) fn is_bounded_json(text: &str) -> bool {
    let (mut values, mut letters, mut quoted, mut escaped) = (1_usize, 0_usize, false, false);
    for byte in text.bytes() {
        letters += usize::from(quoted);
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            // Each stands before a value.
            (false, b',' | b'[' | b'{' | b':') => values += 1,
            (true | false, _) => {}
        }
    }
    values + letters / TEXT <= MAX_VALUES
}

/// A value, and how many it and all below it are.
#[derive(Clone)]
struct Counted {
    value: Value,
    size: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { events: Parser::new_from_str(text), anchors: HashMap::new(), values: 0, kept: 0 }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Marker)>, PackageError> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, span.start))),
            Some(Err(error)) => Err(at(*error.marker(), error.info())),
        }
    }

    fn expected(&mut self) -> Result<(Event<'t>, Marker), PackageError> {
        let end = Marker::new(0, 1, 0);
        self.next()?.ok_or_else(|| at(end, "the text ends within a value"))
    }

    fn value(
        &mut self,
        event: Event<'t>,
        mark: Marker,
        depth: usize,
    ) -> Result<Counted, PackageError> {
        if depth > MAX_DEPTH {
            return Err(at(mark, "values are nested too deeply"));
        }
        self.count(1, mark)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let long = text.len() / TEXT;
                self.count(long, mark)?;
                let value = scalar(&text, style, tag.as_deref(), mark)?;
                self.anchored(anchor, Counted { value, size: 1 + long }, mark)
            }
            Event::SequenceStart(anchor, _) => {
                let list = self.list(depth)?;
                self.anchored(anchor, list, mark)
            }
            Event::MappingStart(anchor, _) => {
                let map = self.map(depth)?;
                self.anchored(anchor, map, mark)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let known =
                    known.ok_or_else(|| at(mark, "an alias stands within its own anchor"))?;
                self.count(known.size, mark)?;
                Ok(known)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Ok(Counted { value: Value::Null, size: 1 }),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Counted, PackageError> {
        let (mut items, mut size) = (Vec::new(), 1);
        loop {
            let (event, mark) = self.expected()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Counted { value: Value::Array(items), size });
            }
            let item = self.value(event, mark, depth + 1)?;
            size += item.size;
            items.push(item.value);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Counted, PackageError> {
        let (mut map, mut merged, mut size) = (Map::new(), Vec::new(), 1);
        loop {
            let (event, mark) = self.expected()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = key(event, mark)?;
            let long = key.len() / TEXT;
            self.count(long, mark)?;
            size += long;
            let (event, below) = self.expected()?;
            let item = self.value(event, below, depth + 1)?;
            size += item.size;
            match key {
                Key::Merge => merged.push((item.value, mark)),
                Key::Name(name) => {
                    let what = format!("key `{}` stands twice", shortened(&name));
                    if map.insert(name, item.value).is_some() {
                        return Err(at(mark, &what));
                    }
                }
            }
        }
        merge(&mut map, merged)?;
        Ok(Counted { value: Value::Object(map), size })
    }

    fn anchored(
        &mut self,
        anchor: usize,
        value: Counted,
        mark: Marker,
    ) -> Result<Counted, PackageError> {
        if anchor != 0 {
            self.kept += value.size;
            bounded(self.kept, mark)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn count(&mut self, values: usize, mark: Marker) -> Result<(), PackageError> {
        self.values += values;
        bounded(self.values, mark)
    }
}

fn bounded(values: usize, mark: Marker) -> Result<(), PackageError> {
    if values > MAX_VALUES {
        return Err(at(mark, "the text stands for more values than a pipeline can have"));
    }
    Ok(())
}

enum Key {
    Name(String),
    /// `<<` (*YAML merge key*, which Python's and Go's readers both know).
    Merge,
}

impl Key {
    /// In bytes.
    fn len(&self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Merge => 0,
        }
    }
}

fn key(event: Event<'_>, mark: Marker) -> Result<Key, PackageError> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<" => Ok(Key::Merge),
        Event::Scalar(text, ..) => Ok(Key::Name(text.into_owned())),
        Event::Nothing
        | Event::StreamStart
        | Event::StreamEnd
        | Event::DocumentStart(_)
        | Event::DocumentEnd
        | Event::Alias(_)
        | Event::SequenceStart(..)
        | Event::SequenceEnd
        | Event::MappingStart(..)
        | Event::MappingEnd => Err(at(mark, "a key must be a plain text")),
    }
}

fn merge(map: &mut Map<String, Value>, merged: Vec<(Value, Marker)>) -> Result<(), PackageError> {
    for (value, mark) in merged {
        let sources = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        for source in sources {
            let Value::Object(source) = source else {
                return Err(at(mark, "`<<` takes a map or a list of maps"));
            };
            for (key, value) in source {
                map.entry(key).or_insert(value);
            }
        }
    }
    Ok(())
}

/// *YAML 1.2, 10.3.2, Tag resolution* of the core schema.
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    mark: Marker,
) -> Result<Value, PackageError> {
    let tag = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    match (tag, style) {
        (Some("str"), _) | (None, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) => {
            Ok(Value::String(text.to_owned()))
        }
        (None, ScalarStyle::Literal | ScalarStyle::Folded) => Ok(Value::String(text.to_owned())),
        _ => plain(text)
            .ok_or_else(|| at(mark, &format!("JSON has no number `{}`", shortened(text)))),
    }
}

/// None for numbers that JSON does not have.
fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return None,
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return None,
        _ => {}
    }
    if let Some(number) = integer(text) {
        return Some(Value::Number(number));
    }
    let looks = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    match text.parse::<f64>() {
        Ok(number) if looks => Number::from_f64(number).map(Value::Number),
        _ => Some(Value::String(text.to_owned())),
    }
}

fn integer(text: &str) -> Option<Number> {
    let of_base = |digits: &str, base| {
        let signed = digits.starts_with(['+', '-']);
        u64::from_str_radix(digits, base).ok().filter(|_| !signed).map(Number::from)
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return of_base(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return of_base(digits, 8);
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits
        .parse::<i64>()
        .map(Number::from)
        .or_else(|_| digits.parse::<u64>().map(Number::from))
        .ok()
}

/// Columns count from 0 in the parser, lines from 1.
fn at(mark: Marker, what: &str) -> PackageError {
    PackageError::Yaml { line: mark.line(), column: mark.col() + 1, what: what.to_owned() }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
