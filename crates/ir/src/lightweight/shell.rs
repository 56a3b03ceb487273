//! Reads the few scripts that the SDK writes: commands one after the other, joined by `&&`, `||`, `;`, lines, brackets
//! and `if`. Nothing is run, and no variable is known.

/// A script's commands, in the order in which they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
}

/// One command.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    /// Where its output goes.
    pub(super) writes: Option<String>,
}

/// A word, without its quotes; variables and `$(…)` stand in it as they are written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether nothing in it is quoted, so that it can be a keyword.
    pub(super) bare: bool,
}

enum Token {
    Word(Word),
    /// What ends a command.
    End,
    /// `>`
    Into,
}

impl Script {
    /// Reads a script; what cannot be read is told.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        let mut command = Command::default();
        let mut into = false;
        for token in tokens(text)? {
            match token {
                Token::Into => into = true,
                Token::Word(word) if into => {
                    command.writes = Some(word.text);
                    into = false;
                }
                Token::Word(word) if word.bare && is_keyword(&word.text) => {
                    script.end(&mut command);
                }
                Token::Word(word) => command.words.push(word),
                Token::End => script.end(&mut command),
            }
        }
        script.end(&mut command);
        Ok(script)
    }

    fn end(&mut self, command: &mut Command) {
        let command = std::mem::take(command);
        if !command.words.is_empty() {
            self.commands.push(command);
        }
    }
}

/// Which alternative of an `if` is taken does not matter to who reads what could be installed.
fn is_keyword(word: &str) -> bool {
    matches!(word, "if" | "then" | "else" | "elif" | "fi")
}

impl Command {
    /// The words after `NAME=value`.
    pub(super) fn without_assignments(&self) -> &[Word] {
        let assignments =
            self.words.iter().take_while(|word| assigned(&word.text).is_some()).count();
        &self.words[assignments..]
    }

    /// Whether a variable that it is started with, and with it alone, says anything that must not be lost: an index of
    /// pip's, a folder, something for the program. Nothing but these two is known not to.
    pub(super) fn is_told_something(&self) -> bool {
        let mut told = self.words.iter().map_while(|word| assigned(&word.text));
        let idle = |name: &str| name.starts_with("PIP_DISABLE_") || name == "_KFP_RUNTIME";
        !self.without_assignments().is_empty() && told.any(|(name, _)| !idle(name))
    }

    /// Whether it asks if there is a pip.
    pub(super) fn tests_for_pip(&self) -> bool {
        self.words.iter().any(|word| word.text.replace(' ', "") == "$(command-vpip)")
    }

    /// Whether all it does is to set variables of pip, or to make a temporary folder.
    pub(super) fn only_sets_pip_or_folder(&self) -> bool {
        let words = self.words.iter().filter(|word| word.text != "export");
        let harmless = |(name, value): (&str, &str)| {
            name.starts_with("PIP_DISABLE_") || value == "$(mktemp -d)" || name == "_KFP_RUNTIME"
        };
        self.writes.is_none()
            && words.into_iter().all(|word| assigned(&word.text).is_some_and(harmless))
    }

    /// As a message shows it.
    pub(super) fn shown(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ").chars().take(80).collect()
    }
}

fn assigned(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.chars().all(plain) && name.starts_with(|c: char| !c.is_ascii_digit());
    is_name.then_some((name, value))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(next) = rest.chars().next() {
        match next {
            '\n' | ';' | '(' | ')' | '&' | '|' => {
                let joined = ["&&", "||"].iter().any(|joined| rest.starts_with(joined));
                if matches!(next, '&' | '|') && !joined {
                    return Err(format!("`{next}` is not followed"));
                }
                tokens.push(Token::End);
                rest = &rest[if joined { 2 } else { 1 }..];
            }
            '>' => {
                tokens.push(Token::Into);
                rest = &rest[1..];
            }
            '<' | '`' => return Err(format!("`{next}` is not followed")),
            '#' => rest = &rest[rest.find('\n').unwrap_or(rest.len())..],
            c if c.is_whitespace() => rest = &rest[c.len_utf8()..],
            _ if rest.starts_with("\\\n") => rest = &rest[2..],
            _ => {
                let (word, after) = word(rest)?;
                tokens.push(Token::Word(word));
                rest = after;
            }
        }
    }
    Ok(tokens)
}

/// One word, and what follows it.
fn word(text: &str) -> Result<(Word, &str), String> {
    let (mut word, mut rest) = (Word { text: String::new(), bare: true }, text);
    while let Some(next) = rest.chars().next() {
        match next {
            c if c.is_whitespace() || ";()&|<>`".contains(c) => break,
            '\'' => {
                let (inside, after) = rest[1..].split_once('\'').ok_or("a quote does not end")?;
                word.text.push_str(inside);
                word.bare = false;
                rest = after;
            }
            '"' => {
                rest = double_quoted(&rest[1..], &mut word.text)?;
                word.bare = false;
            }
            '\\' => {
                let escaped = rest[1..].chars().next().ok_or("a backslash ends the script")?;
                word.text.push(escaped);
                rest = &rest[1 + escaped.len_utf8()..];
            }
            _ if rest.starts_with("$(") => {
                let length = substitution(rest)?;
                word.text.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            _ => {
                word.text.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    Ok((word, rest))
}

fn double_quoted<'t>(mut rest: &'t str, into: &mut String) -> Result<&'t str, String> {
    loop {
        let next = rest.chars().next().ok_or("a quote does not end")?;
        match next {
            '"' => return Ok(&rest[1..]),
            '\\' if rest[1..].starts_with(['"', '\\', '$', '`']) => {
                into.push_str(&rest[1..2]);
                rest = &rest[2..];
            }
            _ if rest.starts_with("$(") => {
                let length = substitution(rest)?;
                into.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            _ => {
                into.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
}

/// The length of `$(…)`, which may hold brackets of its own.
fn substitution(text: &str) -> Result<usize, String> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Ok(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    Err("`$(` does not end".to_owned())
}
