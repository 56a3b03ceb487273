//! Writes YAML that every reader takes alike: those of 1.1, which Python and Go have, and those of 1.2. When in doubt,
//! a text is quoted. Texts of several lines are blocks, so that a person can read a step's source.

use serde_json::{Map, Value};

use super::Package;

impl Package {
    /// The documents as YAML: the same values in the same order, with the comments that the file began with.
    pub fn to_yaml(&self) -> String {
        let mut out = self.header.clone();
        document(&self.pipeline, &mut out);
        if let Some(platform) = &self.platform {
            out.push_str("---\n");
            document(platform, &mut out);
        }
        out
    }
}

fn document(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => entries(map, 0, out),
        Value::Array(items) if !items.is_empty() => list(items, 0, out),
        other => {
            scalar(other, 0, out);
            out.push('\n');
        }
    }
}

/// Each entry on a line of its own, this far in; the first one without, where it follows a hyphen.
fn entries(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 || !out.ends_with("- ") {
            spaces(indent, out);
        }
        if is_plain(key) {
            out.push_str(key)
        } else {
            quoted(key, out)
        }
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                entries(map, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                list(items, indent, out);
            }
            other => {
                out.push(' ');
                scalar(other, indent + 2, out);
                out.push('\n');
            }
        }
    }
}

fn list(items: &[Value], indent: usize, out: &mut String) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 || !out.ends_with("- ") {
            spaces(indent, out);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => entries(map, indent + 2, out),
            Value::Array(items) if !items.is_empty() => list(items, indent + 2, out),
            other => {
                scalar(other, indent + 2, out);
                out.push('\n');
            }
        }
    }
}

/// A value on the rest of the line; a block goes on below, this far in.
fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&readable(&number.to_string())),
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) if is_block(text) => block(text, indent, out),
        Value::String(text) => quoted(text, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// `1e300` is a text to readers of 1.1; they want a point and a sign.
fn readable(number: &str) -> String {
    let Some((digits, power)) = number.split_once('e') else { return number.to_owned() };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if power.starts_with('-') { "" } else { "+" };
    format!("{digits}{point}e{sign}{power}")
}

/// What some reader takes for something else than a text.
const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];

fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-./@ ".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && text.chars().all(inside)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// What a reader leaves alone in a block: no tabs, which some do not, and nothing that is not printable.
fn is_block(text: &str) -> bool {
    let blank = text.trim_matches(['\n', ' ']).is_empty();
    text.contains('\n') && !blank && text.chars().all(|c| c == '\n' || is_printable(c))
}

/// *YAML 1.2, 5.1, Character set*, without what ends lines for readers of 1.1.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn block(text: &str, indent: usize, out: &mut String) {
    // The document itself may be a text; what is in a block must be further in than what is around it.
    let indent = indent.max(2);
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "-",
        1 => "",
        _ => "+",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(indent, out);
            out.push_str(line);
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
}

fn spaces(count: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', count));
}
