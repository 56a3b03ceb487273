//! A Dockerfile in parts, none of whose bytes is lost.

use std::ops::Range;

use crate::instruction::{Instruction, Kind};
use crate::{ParseError, Problem, parse};

/// A Dockerfile: its text, and what its parts mean.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    text: String,
    parts: Vec<Part>,
    escape: char,
}

/// Some lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its bytes in the text, line ends included. Each part begins where the one before it ends.
    pub span: Range<usize>,
    /// Its first line, from 1.
    pub line: u32,
    /// What it is.
    pub kind: PartKind,
}

/// What a part can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// A line without anything.
    Blank,
    /// A comment line that is no directive.
    Comment,
    /// `# syntax=…`, `# escape=…`, `# check=…` at the top.
    Directive {
        /// Its name, lower case.
        name: String,
        /// Its value.
        value: String,
    },
    /// An instruction with its continuation lines, the comments between these, and its heredocs.
    Instruction(Instruction),
}

/// A stage: `FROM` and what follows it.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// Its number, from 0.
    pub number: usize,
    /// Its first instruction, the `FROM`.
    pub from: &'a Instruction,
    /// The image or the stage that it is made from, variables not replaced.
    pub image: &'a str,
    /// Its name, as written.
    pub name: Option<&'a str>,
    /// The parts after `FROM`, by their numbers.
    start: usize,
    end: usize,
    file: &'a Dockerfile,
}

/// No file has more stages: each can hold all that an earlier one does.
const MOST_STAGES: usize = 1000;

impl Part {
    fn instruction(&self) -> Option<&Instruction> {
        match &self.kind {
            PartKind::Instruction(instruction) => Some(instruction),
            PartKind::Blank | PartKind::Comment | PartKind::Directive { .. } => None,
        }
    }
}

impl Dockerfile {
    /// Reads a Dockerfile.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (parts, escape) = parse::parts(text)?;
        let file = Self { text: text.to_owned(), parts, escape };
        file.check_order()?;
        Ok(file)
    }

    /// The whole text, as it was.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parts, which together are the whole text.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The character that joins lines and protects characters: `\`, or a backtick.
    pub fn escape(&self) -> char {
        self.escape
    }

    /// The instructions, in order.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.parts.iter().filter_map(Part::instruction)
    }

    /// What stands before the first `FROM`: `ARG`s that every `FROM` sees.
    pub fn global(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions().take_while(|one| !matches!(one.kind, Kind::From { .. }))
    }

    /// The stages, in order. At least one.
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let mut stages: Vec<Stage<'_>> = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let PartKind::Instruction(instruction) = &part.kind else { continue };
            if let Kind::From { image, name } = &instruction.kind {
                stages.push(Stage {
                    number: stages.len(),
                    from: instruction,
                    image,
                    name: name.as_deref(),
                    start: at + 1,
                    end: at + 1,
                    file: self,
                });
            } else if let Some(last) = stages.last_mut() {
                last.end = at + 1;
            }
        }
        stages
    }

    fn check_order(&self) -> Result<(), ParseError> {
        for instruction in self.global() {
            if !matches!(instruction.kind, Kind::Arg(_)) {
                let problem = Problem::BeforeFrom(instruction.kind.keyword());
                return Err(ParseError { line: instruction.line, problem });
            }
        }
        let stages = self.stages();
        if stages.is_empty() {
            return Err(ParseError { line: 1, problem: Problem::NoFrom });
        }
        match stages.get(MOST_STAGES) {
            Some(stage) => {
                let problem = Problem::TooManyStages(MOST_STAGES);
                Err(ParseError { line: stage.from.line, problem })
            }
            None => Ok(()),
        }
    }
}

impl<'a> Stage<'a> {
    /// The instructions after `FROM`.
    pub fn instructions(&self) -> impl Iterator<Item = &'a Instruction> + use<'a> {
        self.file.parts[self.start..self.end].iter().filter_map(Part::instruction)
    }

    /// Whether `name` means this stage: its name in any case (*`BuildKit`*), or its number.
    pub fn is(&self, name: &str) -> bool {
        self.name.is_some_and(|own| own.eq_ignore_ascii_case(name))
            || name.parse() == Ok(self.number)
    }
}
