//! Words of a line. *`BuildKit`, `parseWords` and `extractBuilderFlags`*.

/// Splits at white space outside of quotes. Quotes and escape characters stay.
pub(super) fn split(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = end_of_word(rest, escape);
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words
}

/// Where the first word ends.
fn end_of_word(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return at,
            Some(mark) if c == mark => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None | Some('"') if c == escape => drop(chars.next()),
            None | Some(_) => {}
        }
    }
    text.len()
}

/// The first word without its quotes and escape characters, and how many bytes it took. None where a
/// quote does not end.
pub(super) fn unquoted(text: &str, escape: char) -> Option<(String, usize)> {
    let end = end_of_word(text, escape);
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text[..end].chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None | Some('"') if c == escape => word.extend(chars.next()),
            None | Some(_) => word.push(c),
        }
    }
    quote.is_none().then_some((word, end))
}
