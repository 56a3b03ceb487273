//! As much of Python's grammar as tells texts and imports from comments and documentation: one pass, no
//! tree, so that tens of thousands of files cost little and no nesting is too deep.
//!
//! What is broken source to Python is read as far as it makes sense. A text within a formatted one
//! counts as part of it.

/// Something that may name a file or a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The inside of a text that is no documentation, escapes as they are written.
    Text {
        inside: &'a [u8],
        line: usize,
        /// The whole first line that it begins on.
        context: &'a [u8],
    },
    /// A statement that begins with `import` or `from`, on however many lines.
    Import { statement: &'a [u8], line: usize },
}

/// Calls back for each.
pub(super) fn tokens<'a>(source: &'a [u8], found: &mut dyn FnMut(Token<'a>)) {
    Lexer { source, at: 0, line: 1, line_start: 0, depth: 0 }.run(found);
}

struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    line: usize,
    line_start: usize,
    /// Open brackets.
    depth: u32,
}

impl<'a> Lexer<'a> {
    fn run(&mut self, found: &mut dyn FnMut(Token<'a>)) {
        // Whether nothing of the statement has been seen: a text there documents.
        let mut fresh = true;
        let mut import: Option<(usize, usize)> = None;
        while let Some(&byte) = self.source.get(self.at) {
            match byte {
                b'\n' => {
                    if self.depth == 0 {
                        self.end_import(&mut import, found);
                        fresh = true;
                    }
                    self.newline();
                }
                b'#' => self.skip_comment(),
                b'\\' => self.continue_line(),
                b'"' | b'\'' => {
                    let token = self.text();
                    if !fresh {
                        found(token);
                    }
                    fresh = false;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' if self.depth == 0 => {
                    self.end_import(&mut import, found);
                    self.at += 1;
                    fresh = true;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 128.. => {
                    let (start, line) = (self.at, self.line);
                    let word = self.word();
                    if matches!(word, b"import" | b"from") && fresh && self.depth == 0 {
                        import = Some((start, line));
                    }
                    // The letter before a text belongs to it.
                    let is_prefix = word.len() <= 2 && matches!(self.peek(), Some(b'"' | b'\''));
                    fresh = fresh && is_prefix;
                }
                _ => {
                    self.bracket(byte);
                    // `if x: import y` begins a statement as well.
                    fresh = byte == b':' && self.depth == 0;
                    self.at += 1;
                }
            }
        }
        self.end_import(&mut import, found);
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn newline(&mut self) {
        self.at += 1;
        self.line += 1;
        self.line_start = self.at;
    }

    fn bracket(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => self.depth = self.depth.saturating_add(1),
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn skip_comment(&mut self) {
        let rest = &self.source[self.at..];
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn continue_line(&mut self) {
        self.at += 1;
        match self.peek() {
            Some(b'\n') => self.newline(),
            Some(b'\r') => self.at += 1,
            _ => {}
        }
    }

    fn word(&mut self) -> &'a [u8] {
        let rest = &self.source[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 128;
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn end_import(&self, import: &mut Option<(usize, usize)>, found: &mut dyn FnMut(Token<'a>)) {
        if let Some((start, line)) = import.take() {
            found(Token::Import { statement: &self.source[start..self.at], line });
        }
    }

    /// A text from its first quote on.
    fn text(&mut self) -> Token<'a> {
        let (line, line_start) = (self.line, self.line_start);
        let quote = self.source[self.at];
        let triple = self.source[self.at..].starts_with(&[quote; 3]);
        let width = if triple { 3 } else { 1 };
        self.at += width;
        let start = self.at;
        let end = loop {
            let rest = &self.source[self.at..];
            let Some(next) = memchr::memchr3(quote, b'\\', b'\n', rest) else {
                self.at = self.source.len();
                break self.at;
            };
            self.at += next;
            match self.source[self.at] {
                b'\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'\n') => self.newline(),
                        Some(_) => self.at += 1,
                        None => {}
                    }
                }
                // A short text ends with its line; what follows is read as if it had been closed.
                b'\n' if !triple => break self.at,
                b'\n' => self.newline(),
                _ if !triple || self.source[self.at..].starts_with(&[quote; 3]) => {
                    let end = self.at;
                    self.at += width;
                    break end;
                }
                _ => self.at += 1,
            }
        };
        let rest = &self.source[line_start..];
        let context = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        Token::Text { inside: &self.source[start..end.min(self.source.len())], line, context }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (Vec<String>, Vec<String>) {
        let (mut texts, mut imports) = (Vec::new(), Vec::new());
        tokens(source.as_bytes(), &mut |token| match token {
            Token::Text { inside, line, .. } => {
                texts.push(format!("{line} {}", String::from_utf8_lossy(inside)));
            }
            Token::Import { statement, line } => {
                imports.push(format!("{line} {}", String::from_utf8_lossy(statement)));
            }
        });
        (texts, imports)
    }

    #[test]
    fn documentation_and_comments_are_neither() {
        let source =
            "'''doc\n'tests' '''\nimport a # 'tests'\ndef f():\n    r\"doc\"\n    x = 'one'\n";
        assert_eq!(
            read(source),
            (vec!["6 one".to_owned()], vec!["3 import a # 'tests'".to_owned()])
        );
    }

    #[test]
    fn imports_go_over_lines_and_begin_after_colons() {
        let source = "from a import (\n  b, # no\n  c)\nif x: import d; import e\nraise E from f\n\
                      try:\n    from . import \\\n        tests\nexcept E: pass\n";
        let (_, imports) = read(source);
        let first: Vec<&str> = imports.iter().map(|one| one.split(' ').next().unwrap()).collect();
        assert_eq!(first, ["1", "4", "4", "7"]);
        assert!(imports[3].ends_with("tests"));
    }

    #[test]
    fn texts_of_every_form() {
        let source = r#"a = f(b'x', rf"y\"z", """t"u
v""", 'cut
w = '\\', '')"#;
        let (texts, _) = read(source);
        assert_eq!(texts, ["1 x", r#"1 y\"z"#, "1 t\"u\nv", "2 cut", r"3 \\", "3 "]);
    }

    #[test]
    fn nothing_is_out_of_bounds() {
        for source in
            ["'", "\\", "'\\", "'''", "\"\"\"a\\", "import", "(((", ")))", "f'", "\u{e9}'"]
        {
            read(source);
        }
    }
}
