//! The simple commands of a shell's text, without running it: enough to see what is installed.

use std::collections::BTreeMap;

use crate::bounds::Bounds;
use crate::expand::Variables;

/// A word, quotes removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Whether its value shows only when it runs: a variable or a command stands in it.
    pub(super) open: bool,
    /// Whether it is the first of a command whose output is kept in a file.
    pub(super) writes: bool,
}

/// The commands of a text, each a list of words. Operators, redirections, comments and the shell's own
/// words (`if`, `then`, …) are not among them.
pub(super) fn commands(text: &str, variables: &Variables, bounds: &Bounds) -> Vec<Vec<Word>> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        variables,
        own: BTreeMap::new(),
        bounds,
        expanded: 0,
        done: Vec::new(),
        command: Vec::new(),
        writes: false,
        word: None,
    };
    lexer.run();
    lexer.done
}

/// No text has more words than this; one that has was made to keep us busy.
const MOST_WORDS: usize = 20_000;

/// No value of a variable is longer.
const LONGEST_VALUE: usize = 1 << 14;

/// Nor do all of a text's variables together become more.
const MOST_EXPANDED: usize = 1 << 20;

/// What begins a command and is none.
const RESERVED: [&str; 13] =
    ["if", "then", "else", "elif", "fi", "do", "done", "while", "until", "!", "{", "}", "time"];

struct Lexer<'a> {
    chars: Vec<char>,
    at: usize,
    variables: &'a Variables,
    /// What this text sets itself; none for what nobody knows.
    own: BTreeMap<String, Option<String>>,
    bounds: &'a Bounds,
    /// Bytes that variables have become.
    expanded: usize,
    done: Vec<Vec<Word>>,
    command: Vec<Word>,
    /// Whether the command's output is kept in a file.
    writes: bool,
    word: Option<Word>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn run(&mut self) {
        let mut words = 0;
        while let Some(c) = self.next() {
            words += 1;
            if words > MOST_WORDS * 16 || self.done.len() > MOST_WORDS {
                break;
            }
            match c {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' | ';' | '&' | '|' | '(' | ')' => self.end_command(),
                '#' if self.word.is_none() => self.skip_line(),
                '<' | '>' => self.redirection(c),
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '$' => self.dollar(false),
                '`' => self.skip_command('`'),
                '*' | '?' | '[' => {
                    self.push(c);
                    self.word.get_or_insert_default().open = true;
                }
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().text.push(c);
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    /// `> file`, `2>&1`: neither the number before nor the word behind is an argument.
    fn redirection(&mut self, first: char) {
        if self.word.as_ref().is_some_and(|word| word.text.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        let mut out = first == '>';
        while let Some(c) = self.peek().filter(|c| "<>&|- \t".contains(*c)) {
            out |= c == '>';
            self.at += 1;
        }
        let target = self.take_while(|c| !" \t\r\n;&|()".contains(c));
        let target = target.trim_matches(['"', '\'']);
        let passing = ["/dev/", "/tmp/", "/var/log/"].iter().any(|place| target.starts_with(place));
        let stream = target.chars().all(|c| c.is_ascii_digit());
        self.writes |= out && !passing && !stream;
    }

    fn single_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.next().filter(|c| *c != '\'') {
            self.push(c);
        }
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.next().filter(|c| *c != '"') {
            match c {
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) if "\"\\$`".contains(c) => self.push(c),
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                },
                '$' => self.dollar(true),
                '`' => self.skip_command('`'),
                c => self.push(c),
            }
        }
    }

    /// `$name`, `${name}`, `$(command)`.
    fn dollar(&mut self, quoted: bool) {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                self.skip_command(')');
            }
            Some('{') => {
                self.at += 1;
                let inner = self.take_while(|c| c != '}');
                self.at += 1;
                self.variable(&inner, quoted);
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
                self.variable(&name, quoted);
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.at += 1;
                self.word.get_or_insert_default().open = true;
            }
            Some(_) | None => self.push('$'),
        }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let start = self.at.min(self.chars.len());
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// A known variable's value, which outside of quotes may be several words.
    fn variable(&mut self, name: &str, quoted: bool) {
        let known = self.own.get(name).map_or_else(|| self.variables.get(name), Option::as_ref);
        let known = known.filter(|value| {
            let most = LONGEST_VALUE.min(MOST_EXPANDED - self.expanded);
            value.len() <= most && self.bounds.work(value.len())
        });
        let Some(value) = known.cloned() else {
            self.word.get_or_insert_default().open = true;
            return;
        };
        self.expanded += value.len();
        for c in value.chars() {
            if c.is_whitespace() && !quoted {
                self.end_word();
            } else {
                self.push(c);
            }
        }
    }

    /// A command within a word: what it prints is not known.
    fn skip_command(&mut self, end: char) {
        self.word.get_or_insert_default().open = true;
        let mut depth = 1;
        while let Some(c) = self.next() {
            match c {
                '(' if end == ')' => depth += 1,
                c if c == end => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        let first = self.command.is_empty();
        if first && RESERVED.contains(&word.text.as_str()) {
            return;
        }
        if word.text.is_empty() && word.open && !first {
            // Nothing is known about it, and it may be nothing.
            self.command.push(word);
            return;
        }
        self.command.push(word);
    }

    /// `NAME=value` alone sets a variable of this text.
    fn end_command(&mut self) {
        self.end_word();
        let mut command = std::mem::take(&mut self.command);
        if let (Some(first), true) = (command.first_mut(), std::mem::take(&mut self.writes)) {
            first.writes = true;
        }
        let assignments: Vec<_> = command.iter().map_while(assignment).collect();
        if assignments.len() < command.len() {
            let rest = command.into_iter().skip(assignments.len()).collect();
            self.done.push(rest);
            return;
        }
        for (name, value) in assignments {
            self.own.insert(name, value);
        }
    }
}

/// The name and, if it is known, the value that a word sets.
fn assignment(word: &Word) -> Option<(String, Option<String>)> {
    let (name, value) = word.text.split_once('=')?;
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = !name.is_empty() && name.chars().all(fine);
    is_name.then(|| (name.to_owned(), (!word.open).then(|| value.to_owned())))
}
