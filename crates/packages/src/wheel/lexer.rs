//! Words, signs and quoted texts of a dependency specifier.

/// The rest of a text, eaten from the front. White space between parts does not matter.
pub(super) struct Lexer<'a>(&'a str);

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.trim())
    }

    pub(super) fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a sign, if it is next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.go_on(rest)
    }

    /// Takes a word, if it is next and ends where it should.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let rest = self.0.strip_prefix(word).filter(|rest| !rest.starts_with(is_word));
        self.go_on(rest)
    }

    /// Takes the word that is next; empty where none is.
    pub(super) fn word(&mut self) -> &'a str {
        let end = self.0.find(|c| !is_word(c)).unwrap_or(self.0.len());
        self.split(end)
    }

    /// Takes everything before the first of these signs, or all; without white space at its ends.
    pub(super) fn until(&mut self, signs: &[char]) -> &'a str {
        let end = self.0.find(signs).unwrap_or(self.0.len());
        self.split(end).trim_end()
    }

    /// Takes a text in quotes, without them, if one is next. There is no way to write a quote inside.
    pub(super) fn quoted(&mut self) -> Result<Option<&'a str>, &'static str> {
        let Some(quote @ ('"' | '\'')) = self.0.chars().next() else { return Ok(None) };
        let (text, rest) = self.0[1..].split_once(quote).ok_or("a quote in it never closes")?;
        self.go_on(Some(rest));
        Ok(Some(text))
    }

    fn split(&mut self, end: usize) -> &'a str {
        let (part, rest) = self.0.split_at(end);
        self.go_on(Some(rest));
        part
    }

    fn go_on(&mut self, rest: Option<&'a str>) -> bool {
        if let Some(rest) = rest {
            self.0 = rest.trim_start();
        }
        rest.is_some()
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}
