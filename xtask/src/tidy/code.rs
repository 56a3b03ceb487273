//! Rust text with its comments and literals blanked out, so that a word in a sentence is not taken
//! for a keyword. No full lexer: it knows just enough to find where those begin and end.

/// The same text, line by line and byte by byte, with spaces in place of comments, strings and
/// characters.
pub(super) fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        match end_of_prose(text, at) {
            None => at += 1,
            Some(end) => {
                code[at..end]
                    .iter_mut()
                    .filter(|byte| **byte != b'\n')
                    .for_each(|byte| *byte = b' ');
                at = end;
            }
        }
    }
    // Only whole comments and literals were replaced, by ASCII.
    String::from_utf8(code).expect("blanking whole characters leaves valid UTF-8")
}

/// Where the comment or literal that begins at `at` ends; nothing where none begins there.
fn end_of_prose(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    match (bytes[at], bytes.get(at + 1)) {
        (b'/', Some(b'/')) => Some(find(text, at, "\n")),
        (b'/', Some(b'*')) => Some(block_comment(bytes, at)),
        (b'"', _) => Some(string(bytes, at)),
        (b'r', Some(b'"' | b'#')) => raw_string(text, at),
        (b'\'', _) => character(text, at),
        _ => None,
    }
}

/// The first place of `needle` at or after `from`, or the end.
fn find(text: &str, from: usize, needle: &str) -> usize {
    text[from..].find(needle).map_or(text.len(), |offset| from + offset)
}

/// Block comments nest.
fn block_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#` and so on, also behind `b` or `c`. A raw identifier such as `r#type` is none.
fn raw_string(text: &str, start: usize) -> Option<usize> {
    let hashes = text[start + 1..].bytes().take_while(|byte| *byte == b'#').count();
    let open = start + 1 + hashes;
    if text.as_bytes().get(open) != Some(&b'"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    Some((find(text, open + 1, &close) + close.len()).min(text.len()))
}

/// A character, not a lifetime: `'a'` and `'\n'`, not `'a`.
fn character(text: &str, start: usize) -> Option<usize> {
    let mut rest = text[start + 1..].char_indices();
    if rest.next()?.1 == '\\' {
        rest.next();
        let (offset, _) = rest.find(|(_, character)| *character == '\'')?;
        return Some(start + 1 + offset + 1);
    }
    let (offset, next) = rest.next()?;
    (next == '\'').then_some(start + 1 + offset + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_goes_and_code_stays() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("b\"c", 'd', '\'', x)"#, "f(      ,    ,     , x)"),
            (r##"r#"b"c"# d r#type"##, "         d r#type"),
            ("&'a str, 'ä' b", "&'a str,      b"),
            ("b\"x\" r\"\\\" y", "b         y"),
        ];
        for (text, expected) in cases {
            let found = blanked(text);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for text in ["/* a", "\"a", "\"a\\", "r#\"a", "'", "'\\", "r", "r#"] {
            assert_eq!(blanked(text).len(), text.len(), "{text}");
        }
    }
}
