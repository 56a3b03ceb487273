//! The words of an expression (*CEL language definition, Syntax*).

use super::ConditionError;

/// Longer than any condition.
const MAX_LENGTH: usize = 64 << 10;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Int(i64),
    Double(f64),
    String(String),
    /// A name, or one of `true`, `false`, `null`, `in`.
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longer signs before those that they begin with.
const SIGNS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",",
    "(", ")", "[", "]", "{",
];

/// Every word with its column, from 1.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, usize)>, ConditionError> {
    if source.len() > MAX_LENGTH {
        return Err(ConditionError::TooLong);
    }
    let mut lexer = Lexer { rest: source, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let column = lexer.column;
        let token = lexer.token()?;
        let end = token == Token::End;
        tokens.push((token, column));
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    rest: &'s str,
    column: usize,
}

impl<'s> Lexer<'s> {
    fn skip_blank(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if !self.rest.starts_with("//") {
                return;
            }
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    /// The next bytes, which end at a character's end.
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.column += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn wrong(&self, what: impl Into<String>) -> ConditionError {
        ConditionError::Syntax { column: self.column, what: what.into() }
    }

    fn token(&mut self) -> Result<Token, ConditionError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        let fraction = first == '.' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || fraction {
            return self.number();
        }
        if let Some(raw) = self.text_begins() {
            return self.text(raw);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            let end = self.rest.find(word).unwrap_or(self.rest.len());
            return Ok(Token::Name(self.take(end).to_owned()));
        }
        match SIGNS.iter().chain(&["}"]).find(|sign| self.rest.starts_with(**sign)) {
            Some(sign) => {
                self.take(sign.len());
                Ok(Token::Sign(sign))
            }
            None => Err(self.wrong(format!("`{first}` means nothing here"))),
        }
    }

    fn number(&mut self) -> Result<Token, ConditionError> {
        if let Some(hex) = self.rest.strip_prefix("0x") {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let value = i64::from_str_radix(&hex[..end], 16);
            let value = value.map_err(|_| self.wrong("this number is not one of 64 bits"))?;
            self.take(2 + end);
            return Ok(Token::Int(value));
        }
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let mut end = digits(self.rest);
        let mut double = false;
        if self.rest[end..].starts_with('.') && digits(&self.rest[end + 1..]) > 0 {
            end += 1 + digits(&self.rest[end + 1..]);
            double = true;
        }
        if self.rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(self.rest[end + 1..].starts_with(['+', '-']));
            let power = digits(&self.rest[end + 1 + sign..]);
            if power > 0 {
                end += 1 + sign + power;
                double = true;
            }
        }
        let text = &self.rest[..end];
        let token = match double {
            true => text.parse().ok().filter(|v: &f64| v.is_finite()).map(Token::Double),
            false => text.parse().ok().map(Token::Int),
        };
        let token = token.ok_or_else(|| self.wrong("this number is not one of 64 bits"))?;
        self.take(end);
        // `1u` is CEL's unsigned one; there is no difference here.
        if !double && self.rest.starts_with(['u', 'U']) {
            self.take(1);
        }
        Ok(token)
    }

    /// Whether a text begins here, and if so, whether backslashes mean nothing in it.
    fn text_begins(&self) -> Option<bool> {
        let quote = |text: &str| text.starts_with(['\'', '"']);
        match self.rest.as_bytes() {
            [b'r' | b'R', ..] if quote(&self.rest[1..]) => Some(true),
            _ if quote(self.rest) => Some(false),
            _ => None,
        }
    }

    fn text(&mut self, raw: bool) -> Result<Token, ConditionError> {
        self.take(usize::from(raw));
        let one = &self.rest[..1];
        let three = one.repeat(3);
        let quote = if self.rest.starts_with(&three) { three.as_str() } else { one };
        self.take(quote.len());
        let mut text = String::new();
        loop {
            if self.rest.starts_with(quote) {
                self.take(quote.len());
                return Ok(Token::String(text));
            }
            let Some(next) = self.rest.chars().next() else {
                return Err(self.wrong("a text has no end"));
            };
            if next == '\n' && quote.len() == 1 {
                return Err(self.wrong("a text has no end on its line"));
            }
            self.take(next.len_utf8());
            text.push(if next == '\\' && !raw { self.escape()? } else { next });
        }
    }

    fn escape(&mut self) -> Result<char, ConditionError> {
        let wrong = || self.wrong("there is no such escape");
        let kind = self.rest.chars().next().ok_or_else(wrong)?;
        let simple = [
            ('n', '\n'),
            ('t', '\t'),
            ('r', '\r'),
            ('a', '\u{7}'),
            ('b', '\u{8}'),
            ('f', '\u{c}'),
            ('v', '\u{b}'),
            ('\\', '\\'),
            ('\'', '\''),
            ('"', '"'),
            ('`', '`'),
            ('?', '?'),
        ];
        if let Some((_, meaning)) = simple.iter().find(|(written, _)| *written == kind) {
            self.take(1);
            return Ok(*meaning);
        }
        let (skip, length, base) = match kind {
            'x' | 'X' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='3' => (0, 3, 8),
            _ => return Err(wrong()),
        };
        let digits = self.rest.get(skip..skip + length).ok_or_else(wrong)?;
        let code = u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
        let code =
            code.filter(|_| digits.chars().all(|c| c.is_ascii_hexdigit())).ok_or_else(wrong)?;
        self.take(skip + length);
        Ok(code)
    }
}
