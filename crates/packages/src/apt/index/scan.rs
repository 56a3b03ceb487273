//! Finds the packages in a text, once and fast; nothing is copied.

use memchr::memchr;

use super::RecordId;

/// A package's paragraph, and the three values that every search needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) text: u16,
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) name: (u32, u16),
    pub(super) version: (u32, u16),
    /// `Provides`, where there is one.
    provides: Option<(u32, u32)>,
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) text: u16,
    pub(super) start: u32,
    pub(super) length: u16,
}

/// A name that a package provides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provide {
    pub(super) name: Span,
    pub(super) by: RecordId,
}

impl Span {
    pub(super) fn of(self, text: &str) -> &str {
        slice(text, self.start, u32::from(self.length))
    }
}

pub(super) fn slice(text: &str, start: u32, length: u32) -> &str {
    text.get(start as usize..start as usize + length as usize).unwrap_or_default()
}

/// Paragraphs that have a name and a version and are for `architecture` or for all. Others are passed
/// over, and so is what lies beyond [`crate::MOST_PACKAGES`].
pub(super) fn records<'a>(
    at: usize,
    text: &'a str,
    architecture: &'a str,
) -> impl Iterator<Item = Record> + 'a {
    let mut rest = 0;
    let paragraphs = std::iter::from_fn(move || {
        let found = paragraph(text, rest)?;
        rest = found.1;
        Some(found)
    });
    paragraphs
        .filter_map(move |(start, end)| record(at, text, (start, end), architecture))
        .take(crate::MOST_PACKAGES)
}

/// The next paragraph at or behind an offset.
fn paragraph(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let start = from + bytes[from..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let mut at = start;
    while let Some(end) = memchr(b'\n', &bytes[at..]) {
        at += end + 1;
        if matches!(bytes.get(at), None | Some(b'\n' | b'\r')) {
            return Some((start, at));
        }
    }
    Some((start, bytes.len()))
}

fn record(at: usize, text: &str, (start, end): (usize, usize), wanted: &str) -> Option<Record> {
    let (mut name, mut version, mut provides, mut architecture) = (None, None, None, None);
    let mut line = start;
    let bytes = text.as_bytes();
    while line < end {
        let stop = memchr(b'\n', &bytes[line..end]).map_or(end, |length| line + length);
        match bytes[line] {
            b'P' | b'p' => {
                name = name.or_else(|| value(text, line, stop, "Package:"));
                provides = provides
                    .or_else(|| value(text, line, continued(bytes, stop, end), "Provides:"));
            }
            b'V' | b'v' => version = version.or_else(|| value(text, line, stop, "Version:")),
            b'A' | b'a' => {
                architecture = architecture.or_else(|| value(text, line, stop, "Architecture:"));
            }
            _ => {}
        }
        line = stop + 1;
    }
    let (start_of, length_of) = architecture?;
    let architecture = &text[start_of..start_of + length_of];
    if architecture != wanted && architecture != "all" {
        return None;
    }
    let short = |(start, length): (usize, usize)| {
        if length == 0 {
            return None;
        }
        Some((u32::try_from(start).ok()?, u16::try_from(length).ok()?))
    };
    Some(Record {
        text: u16::try_from(at).ok()?,
        start: u32::try_from(start).ok()?,
        length: u32::try_from(end - start).ok()?,
        name: short(name?)?,
        version: short(version?)?,
        provides: provides.and_then(|(start, length)| {
            Some((u32::try_from(start).ok()?, u32::try_from(length).ok()?))
        }),
    })
}

/// The end of the last line that continues the one that ends at `stop`.
fn continued(bytes: &[u8], stop: usize, end: usize) -> usize {
    let mut stop = stop;
    while stop + 1 < end && matches!(bytes[stop + 1], b' ' | b'\t') {
        stop = memchr(b'\n', &bytes[stop + 1..end]).map_or(end, |length| stop + 1 + length);
    }
    stop
}

/// Where the value of a field lies, if the line begins with its name.
fn value(text: &str, line: usize, stop: usize, name: &str) -> Option<(usize, usize)> {
    let head = text.as_bytes().get(line..line + name.len())?;
    if line + name.len() > stop || !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let whole = &text[line + name.len()..stop];
    let value = whole.trim_start();
    let start = stop - value.len();
    Some((start, value.trim_end().len()))
}

/// The names in a record's `Provides`, without their versions.
pub(super) fn provides<'a>(
    record: &Record,
    text: &'a str,
    by: RecordId,
) -> impl Iterator<Item = Provide> + 'a {
    let (start, length) = record.provides.unwrap_or_default();
    let source = record.text;
    let mut at = start;
    slice(text, start, length).split(',').filter_map(move |item| {
        let begin = at;
        at += u32::try_from(item.len()).ok()? + 1;
        let space = item.len() - item.trim_start().len();
        let name = item[space..].split(|c: char| c.is_whitespace() || "(:[".contains(c)).next()?;
        if name.is_empty() {
            return None;
        }
        let start = begin + u32::try_from(space).ok()?;
        let length = u16::try_from(name.len()).ok()?;
        Some(Provide { name: Span { text: source, start, length }, by })
    })
}
