//! From text to parts: lines, continuations, comments, heredocs. *`BuildKit`, `parser.Parse`*.

mod arguments;
mod heredoc;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use crate::document::{Part, PartKind};
use crate::error::shortened;
use crate::{ParseError, Problem};

/// Nobody writes a larger one.
const MOST_BYTES: usize = 4 << 20;

/// The parts of a text, and its escape character.
pub(crate) fn parts(text: &str) -> Result<(Vec<Part>, char), ParseError> {
    if text.len() > MOST_BYTES {
        return Err(ParseError { line: 1, problem: Problem::TooLarge(MOST_BYTES) });
    }
    let mut parser =
        Parser { text, at: 0, line: 0, escape: '\\', directives: Some(BTreeSet::new()) };
    let mut parts = Vec::new();
    while parser.at < text.len() {
        parts.push(parser.part()?);
    }
    Ok((parts, parser.escape))
}

struct Parser<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// How many lines were read.
    line: u32,
    escape: char,
    /// The directives seen; none once there can be no more.
    directives: Option<BTreeSet<String>>,
}

impl<'a> Parser<'a> {
    /// The next line without its end; none at the end of the text.
    fn next_line(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let first = self.at == 0;
        self.at += end;
        self.line += 1;
        let line = rest[..end].trim_end_matches(['\r', '\n']);
        Some(if first { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line })
    }

    fn part(&mut self) -> Result<Part, ParseError> {
        let start = self.at;
        let line = self.next_line().unwrap_or_default().trim_start();
        let number = self.line;
        let kind = if let Some(directive) = self.directive(line)? {
            directive
        } else if line.is_empty() {
            PartKind::Blank
        } else if line.starts_with('#') {
            PartKind::Comment
        } else {
            self.instruction(line, number)?
        };
        Ok(Part { span: start..self.at, line: number, kind })
    }

    /// *Dockerfile reference, Parser directives*: only at the top, each once.
    fn directive(&mut self, line: &str) -> Result<Option<PartKind>, ParseError> {
        let Some(seen) = &mut self.directives else { return Ok(None) };
        let known = directive(line)
            .filter(|(name, _)| ["syntax", "escape", "check"].contains(&name.as_str()));
        let Some((name, value)) = known else {
            self.directives = None;
            return Ok(None);
        };
        let fail = |problem| Err(ParseError { line: self.line, problem });
        if !seen.insert(name.clone()) {
            return fail(Problem::Twice(name));
        }
        if name == "escape" {
            match value.as_str() {
                "\\" => self.escape = '\\',
                "`" => self.escape = '`',
                other => return fail(Problem::Escape(shortened(other))),
            }
        }
        Ok(Some(PartKind::Directive { name, value }))
    }

    fn instruction(&mut self, first: &str, number: u32) -> Result<PartKind, ParseError> {
        let (head, mut goes_on) = self.continued(first);
        let mut logical = head.to_owned();
        while goes_on && let Some(line) = self.next_line() {
            let trimmed = line.trim_start();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (piece, more) = self.continued(line);
            logical.push_str(piece);
            goes_on = more;
        }
        if logical.trim().is_empty() {
            return Ok(PartKind::Blank);
        }
        let mut instruction = arguments::instruction(&logical, number, self.escape, false)?;
        for mut heredoc in heredoc::announced(&instruction, self.escape) {
            heredoc.content = self.heredoc(&heredoc.name, heredoc.chomp, number)?;
            instruction.heredocs.push(heredoc);
        }
        Ok(PartKind::Instruction(instruction))
    }

    /// A line without the escape character that joins the next one to it, and whether there is one. Two
    /// of them at the end join nothing.
    fn continued<'l>(&self, line: &'l str) -> (&'l str, bool) {
        let trimmed = line.trim_end_matches([' ', '\t']);
        match trimmed.strip_suffix(self.escape) {
            Some(rest) if !rest.ends_with(self.escape) => (rest, true),
            Some(_) | None => (line, false),
        }
    }

    /// The lines up to the one that ends a heredoc.
    fn heredoc(&mut self, name: &str, chomp: bool, number: u32) -> Result<String, ParseError> {
        let mut content = String::new();
        loop {
            let start = self.at;
            let Some(line) = self.next_line() else {
                let problem = Problem::OpenHeredoc(shortened(name));
                return Err(ParseError { line: number, problem });
            };
            let end = if chomp { line.trim_start_matches('\t') } else { line };
            if end == name {
                return Ok(content);
            }
            content.push_str(&self.text[start..self.at]);
        }
    }
}

/// `# name = value`.
fn directive(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let fine = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    (fine && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value.to_owned()))
}
