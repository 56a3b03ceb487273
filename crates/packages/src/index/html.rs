//! The links of an HTML page, and nothing else of it. Tolerant as browsers are: indexes of all ages
//! write what they like, and of all of it only anchors and their attributes matter here.

use std::collections::BTreeMap;

/// Bytes of the longest character reference, `&` and `;` included.
const LONGEST_REFERENCE: usize = 13;

/// What matters of a page.
pub(super) struct Page {
    /// What `<base href>` says.
    pub(super) base: Option<String>,
    /// The attributes of each anchor, in order.
    pub(super) links: Vec<Link>,
}

/// An anchor's attributes.
pub(super) struct Link(BTreeMap<String, String>);

impl Link {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Reads the anchors of a page, at most `most`. Takes time linear in the text's length.
pub(super) fn links(text: &str, most: usize) -> Page {
    let mut page = Page { base: None, links: Vec::new() };
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name != "a" && name != "base" {
            continue;
        }
        let (attributes, after) = attributes(&rest[end..]);
        rest = after;
        if name == "base" {
            page.base = page.base.or_else(|| attributes.get("href").cloned());
        } else {
            page.links.push(Link(attributes));
            if page.links.len() >= most {
                break;
            }
        }
    }
    page
}

/// The attributes up to the end of a tag, and what follows it (*HTML, 13.1.2.3 Attributes*). Of two of
/// one name the first counts.
fn attributes(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
        // A stray `=` is the beginning of a name, as in browsers.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) =
                attribute_value(after.trim_start_matches(|c: char| c.is_ascii_whitespace()));
        }
        found.entry(name).or_insert_with(|| unescaped(value));
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return match inner.find(quote) {
                Some(end) => (&inner[..end], &inner[end + 1..]),
                None => (inner, ""),
            };
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

/// Text with its character references resolved: those that addresses and version specifiers have.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // No reference is longer. A text of many `&` would else be searched to its end for each.
        let end = rest.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        let reference =
            end.and_then(|end| character(&rest[1..end]).map(|character| (character, end + 1)));
        let (character, length) = reference.unwrap_or(('&', 1));
        out.push(character);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn character(reference: &str) -> Option<char> {
    Some(match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = reference.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}
