//! Command lines: lists of words, as an image's configuration has them.

use std::fmt;

/// A program and its arguments. At least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

/// What only a shell understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// There is no word.
    #[error("it is empty")]
    Empty,
    /// A quote has no end.
    #[error("a quote does not end")]
    OpenQuote,
    /// A character that means something to a shell.
    #[error("`{0}` means something to a shell, and no shell runs it")]
    Shell(char),
}

impl CommandLine {
    /// Words as they are.
    pub fn new(words: Vec<String>) -> Result<Self, CommandLineError> {
        if words.is_empty() { Err(CommandLineError::Empty) } else { Ok(Self(words)) }
    }

    /// Splits a line that needs no shell: words, quotes and backslashes, and nothing that a shell
    /// would do something about (variables, pipes, patterns, redirections).
    pub fn split(line: &str) -> Result<Self, CommandLineError> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                ' ' | '\t' | '\n' => words.extend(word.take()),
                '\'' => {
                    let into = word.get_or_insert_default();
                    loop {
                        match chars.next().ok_or(CommandLineError::OpenQuote)? {
                            '\'' => break,
                            c => into.push(c),
                        }
                    }
                }
                '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
                '\\' => match chars.next() {
                    Some('\n') => {}
                    Some(c) => word.get_or_insert_default().push(c),
                    None => return Err(CommandLineError::OpenQuote),
                },
                '#' | '~' if word.is_none() => return Err(CommandLineError::Shell(c)),
                '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '{' | '}' | '*' | '?'
                | '[' | '!' => return Err(CommandLineError::Shell(c)),
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        Self::new(words)
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

fn double_quoted(
    chars: &mut std::str::Chars<'_>,
    into: &mut String,
) -> Result<(), CommandLineError> {
    loop {
        match chars.next().ok_or(CommandLineError::OpenQuote)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or(CommandLineError::OpenQuote)? {
                '\n' => {}
                c @ ('"' | '\\' | '$' | '`') => into.push(c),
                c => into.extend(['\\', c]),
            },
            c @ ('$' | '`') => return Err(CommandLineError::Shell(c)),
            c => into.push(c),
        }
    }
}

impl fmt::Display for CommandLine {
    /// As JSON, which is how a Dockerfile writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.0.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
        write!(f, "[{}]", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_a_shell_are_split() {
        let split = |line: &str| CommandLine::split(line).map(|line| line.to_string());
        assert_eq!(split("python  job.py").unwrap(), r#"["python", "job.py"]"#);
        assert_eq!(
            split(r#"a 'b c' "d \" e" f\ g """#).unwrap(),
            r#"["a", "b c", "d \" e", "f g", ""]"#
        );
        assert_eq!(split("--port=80 a#b a~b").unwrap(), r#"["--port=80", "a#b", "a~b"]"#);
        for (line, c) in
            [("a && b", '&'), ("a $B", '$'), ("a \"$B\"", '$'), ("ls *", '*'), ("a >b", '>')]
        {
            assert_eq!(split(line), Err(CommandLineError::Shell(c)), "{line}");
        }
        assert_eq!(split(" \t"), Err(CommandLineError::Empty));
        assert_eq!(split("a 'b"), Err(CommandLineError::OpenQuote));
    }
}
