//! Paragraphs of fields, as Debian writes everything (*deb822(5)*).

/// One field: its name as written, and its value with the line ends of continued lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// In which line of the paragraph it begins, from 0.
    pub(crate) line: usize,
}

/// The fields of one paragraph. Comments and lines that are no fields are passed over.
pub(crate) fn fields(paragraph: &str) -> impl Iterator<Item = Field<'_>> {
    let mut rest = paragraph;
    let mut line = 0;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let begins = line;
            let length = field_length(rest);
            let (field, behind) = rest.split_at(length);
            rest = behind;
            line += field.matches('\n').count();
            if field.starts_with('#') {
                continue;
            }
            if let Some((name, value)) = field.split_once(':') {
                return Some(Field { name: name.trim(), value: value.trim(), line: begins });
            }
        }
    })
}

/// The value of one field, whatever the case of its name.
pub(crate) fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    fields(paragraph).find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// Bytes up to the next line that does not continue this one.
fn field_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(end) = memchr::memchr(b'\n', &bytes[at..]) {
        at += end + 1;
        // A comment continues a field's lines only between them, which nobody writes in an index.
        if !matches!(bytes.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_names_values_and_lines() {
        let text = "# note\nA: 1\nB:\n x\n y\nnonsense\nc : 2";
        let read: Vec<_> = fields(text).map(|f| (f.name, f.value, f.line)).collect();
        assert_eq!(read, [("A", "1", 1), ("B", "x\n y", 2), ("c", "2", 6)]);
        assert_eq!(field(text, "C"), Some("2"));
        assert_eq!(field(text, "d"), None);
    }
}
