//! Variables in words. *`BuildKit`, `shell.Lex`*: quotes and escapes go, `$x`, `${x}`, `${x:-y}`,
//! `${x:+y}`, `${x:?y}`, `${x#y}`, `${x%y}`, `${x/y/z}` become text.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use crate::bounds::Bounds;
use crate::pattern::{replace, trim};

/// No word grows longer: variables that double each other would fill the memory.
const LONGEST: usize = 1 << 16;

/// Defaults within defaults, so deep and no deeper.
const DEEPEST: u32 = 16;

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// A word with its variables replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Variables that nobody set: nothing stands in their place.
    pub(crate) unset: Vec<String>,
}

/// What is wrong with a word. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadWord(pub(crate) &'static str);

/// Of a word that asks for more work than its file has left.
const TOO_MUCH: BadWord = BadWord("the file asks for too much work");

/// Replaces variables and removes quotes.
pub(crate) fn expand(
    word: &str,
    variables: &Variables,
    escape: char,
    bounds: &Bounds,
) -> Result<Expanded, BadWord> {
    let chars = word.chars().peekable();
    let mut lexer = Lexer { chars, variables, escape, bounds, depth: 0, unset: Vec::new() };
    let text = lexer.until(None, false)?;
    Ok(Expanded { text, unset: lexer.unset })
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    variables: &'a Variables,
    escape: char,
    bounds: &'a Bounds,
    depth: u32,
    unset: Vec<String>,
}

impl Lexer<'_> {
    /// Text up to a character outside of quotes, or to the end. `raw` keeps escape characters, which
    /// patterns need.
    fn until(&mut self, stop: Option<char>, raw: bool) -> Result<String, BadWord> {
        let mut text = String::new();
        while let Some(c) = self.chars.next() {
            match c {
                c if Some(c) == stop => return Ok(text),
                '\'' => self.single_quoted(&mut text)?,
                '"' => self.double_quoted(&mut text)?,
                '$' => text.push_str(&self.dollar()?),
                c if c == self.escape => {
                    if raw {
                        text.push(c);
                    }
                    text.extend(self.chars.next());
                }
                c => text.push(c),
            }
            if text.len() > LONGEST {
                return Err(BadWord("it grows too long"));
            }
        }
        match stop {
            None => Ok(text),
            Some(_) => Err(BadWord("a ${ has no }")),
        }
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), BadWord> {
        loop {
            match self.chars.next().ok_or(BadWord("a quote does not end"))? {
                '\'' => return Ok(()),
                c => text.push(c),
            }
        }
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), BadWord> {
        loop {
            match self.chars.next().ok_or(BadWord("a quote does not end"))? {
                '"' => return Ok(()),
                '$' => text.push_str(&self.dollar()?),
                c if c == self.escape => match self.chars.peek().copied() {
                    Some(next) if next == '"' || next == '$' || next == self.escape => {
                        text.push(next);
                        self.chars.next();
                    }
                    Some(_) | None => text.push(c),
                },
                c => text.push(c),
            }
            if text.len() > LONGEST {
                return Err(BadWord("it grows too long"));
            }
        }
    }

    /// What follows a `$`.
    fn dollar(&mut self) -> Result<String, BadWord> {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            return if name.is_empty() { Ok("$".to_owned()) } else { self.value(&name) };
        }
        let name = self.name();
        if name.is_empty() {
            return Err(BadWord("a ${ has no name"));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(BadWord("its variables are nested too deeply"));
        }
        let replaced = self.braced(&name)?;
        self.depth -= 1;
        Ok(replaced)
    }

    /// What follows `${name`.
    fn braced(&mut self, name: &str) -> Result<String, BadWord> {
        let bad = BadWord("this kind of ${…} is not known");
        match self.chars.next().ok_or(BadWord("a ${ has no }"))? {
            '}' => self.value(name),
            ':' => match self.chars.next() {
                Some(c @ ('-' | '+' | '?')) => self.defaulted(name, c, true),
                Some(_) | None => Err(bad),
            },
            c @ ('-' | '+' | '?') => self.defaulted(name, c, false),
            '/' => {
                let all = self.chars.next_if_eq(&'/').is_some();
                let pattern = self.until(Some('/'), true)?;
                let replacement = self.until(Some('}'), true)?;
                let value = self.value(name)?;
                replace(&value, &pattern, &replacement, all, self.bounds).ok_or(TOO_MUCH)
            }
            c @ ('#' | '%') => {
                let longest = self.chars.next_if_eq(&c).is_some();
                let pattern = self.until(Some('}'), true)?;
                let value = self.value(name)?;
                trim(&value, &pattern, c == '#', longest, self.bounds).ok_or(TOO_MUCH)
            }
            _ => Err(bad),
        }
    }

    /// `-`: a default; `+`: another value; `?`: an error where there is none.
    fn defaulted(&mut self, name: &str, sign: char, empty_counts: bool) -> Result<String, BadWord> {
        let before = self.unset.len();
        let word = self.until(Some('}'), false)?;
        let value = self.variables.get(name).filter(|value| !(empty_counts && value.is_empty()));
        let uses_word = (sign == '-' && value.is_none()) || (sign == '+' && value.is_some());
        if !uses_word {
            self.unset.truncate(before);
        }
        if !self.bounds.work(value.map_or(0, String::len)) {
            return Err(TOO_MUCH);
        }
        match (sign, value) {
            ('?', None) => Err(BadWord("a variable that must be set is not")),
            ('+', None) => Ok(String::new()),
            ('-', None) | ('+', Some(_)) => Ok(word),
            (_, value) => Ok(value.cloned().unwrap_or_default()),
        }
    }

    fn value(&mut self, name: &str) -> Result<String, BadWord> {
        let value = self.variables.get(name);
        if !self.bounds.work(value.map_or(self.unset.len(), String::len)) {
            return Err(TOO_MUCH);
        }
        if value.is_none() && !self.unset.iter().any(|known| known == name) {
            self.unset.push(name.to_owned());
        }
        Ok(value.cloned().unwrap_or_default())
    }

    /// A variable's name, a number, or one of the shell's own parameters.
    fn name(&mut self) -> String {
        let mut name = String::new();
        if let Some(special) = self.chars.next_if(|c| "@*#?-$!".contains(*c)) {
            name.push(special);
            return name;
        }
        let number = self.chars.peek().is_some_and(char::is_ascii_digit);
        let fits = |c: &char| c.is_ascii_digit() || !number && (c.is_alphanumeric() || *c == '_');
        while let Some(c) = self.chars.next_if(fits) {
            name.push(c);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(word: &str) -> Result<String, &'static str> {
        let variables = [("A", "one"), ("E", ""), ("P", "a/b/c.tar.gz"), ("S", "two words")];
        let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let expanded = expand(word, &variables, '\\', &Bounds::default()).map_err(|bad| bad.0)?;
        let unset: String = expanded.unset.iter().map(|name| format!(" !{name}")).collect();
        Ok(expanded.text + &unset)
    }

    #[test]
    fn variables_become_text() {
        for (word, text) in [
            ("plain", "plain"),
            ("$A-${A}x$Ax", "one-onex !Ax"),
            ("\\$A '$A' \"$A\" \"\\$A\"", "$A $A one $A"),
            ("a\\ b \"c\\d\"", "a b c\\d"),
            ("$S", "two words"),
            ("${X:-d}${X-d}${A:-d}${E:-d}${E-d}", "ddoned"),
            ("${X:-$A$Y}", "one !Y"),
            ("${A:-$Y}", "one"),
            ("${X:+y}${A:+y}${E:+y}${E+y}", "yy"),
            ("${A:?no}", "one"),
            ("${X:-a:b}", "a:b"),
            ("${P#*/}|${P##*/}|${P%.*}|${P%%.*}", "b/c.tar.gz|c.tar.gz|a/b/c.tar|a/b/c"),
            ("${P/\\//-}|${P//\\//-}|${P/x/y}", "a-b/c.tar.gz|a-b-c.tar.gz|a/b/c.tar.gz"),
            ("$", "$"),
            ("$1a", "a !1"),
            ("é$A", "éone"),
        ] {
            assert_eq!(with(word).as_deref(), Ok(text), "{word}");
        }
        for word in ["${A", "${}", "${A:x}", "${A^}", "'open", "\"open", "${X:?no}", "${X?}"] {
            assert!(with(word).is_err(), "{word}");
        }
    }

    #[test]
    fn nothing_grows_without_bound() {
        let long = "x".repeat(LONGEST);
        let variables = BTreeMap::from([("A".to_owned(), long)]);
        assert!(expand("$A$A", &variables, '\\', &Bounds::default()).is_err());
        assert!(expand("\"$A$A\"", &variables, '\\', &Bounds::default()).is_err());
        let deep = format!("{}x{}", "${B:-".repeat(1000), "}".repeat(1000));
        assert!(expand(&deep, &variables, '\\', &Bounds::default()).is_err());
    }
}
