//! Logs that are read piece by piece, and printed line by line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use lightship_engine::AttemptId;

use super::super::super::printed::harmless;
use crate::render::text::printable;
use crate::render::{Look, style};
use crate::terminal::Stream;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// A line that a terminal gets is broken here: something prints without ever ending a line.
const LONGEST: usize = 64 * 1024;

/// Before each line: whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'l> {
    /// The task.
    pub(super) path: &'l str,
    /// The attempt, where there were several.
    pub(super) attempt: Option<u32>,
}

impl Label<'_> {
    fn text(self) -> String {
        match self.attempt {
            None => self.path.to_owned(),
            Some(attempt) => format!("{} (attempt {attempt})", self.path),
        }
    }
}

/// Several logs, each read up to some place.
pub(super) struct Tails {
    known: HashMap<AttemptId, Tail>,
    terminal: bool,
}

/// One log.
#[derive(Default)]
struct Tail {
    read: u64,
    /// A line that has not ended.
    begun: Vec<u8>,
    label: Option<String>,
}

impl Tails {
    /// None yet, for a stream of this kind.
    pub(super) fn new(look: &Look) -> Self {
        Self { known: HashMap::new(), terminal: look.width.is_some() }
    }

    /// Prints what is new in a log. One that is not there has nothing new.
    pub(super) fn read(
        &mut self,
        path: &Path,
        id: &AttemptId,
        label: Option<Label<'_>>,
        out: &mut Stream,
    ) -> io::Result<()> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let terminal = self.terminal;
        let tail = self.known.entry(id.clone()).or_default();
        tail.label = label.map(Label::text);
        file.seek(SeekFrom::Start(tail.read))?;
        let mut piece = vec![0; PIECE];
        loop {
            let length = file.read(&mut piece)?;
            if length == 0 {
                return Ok(());
            }
            tail.read += length as u64;
            tail.take(&piece[..length], terminal, out)?;
        }
    }

    /// Prints the line of a log that nobody has ended.
    pub(super) fn finish(&mut self, id: &AttemptId, out: &mut Stream) -> io::Result<()> {
        let terminal = self.terminal;
        let Some(tail) = self.known.get_mut(id).filter(|tail| !tail.begun.is_empty()) else {
            return Ok(());
        };
        let line = std::mem::take(&mut tail.begun);
        tail.line(&line, true, terminal, out)
    }
}

impl Tail {
    fn take(&mut self, bytes: &[u8], terminal: bool, out: &mut Stream) -> io::Result<()> {
        if self.label.is_none() && !terminal {
            return out.exact().write_all(bytes);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            let whole = part.ends_with(b"\n");
            if whole || (terminal && self.begun.len() > LONGEST) {
                let line = std::mem::take(&mut self.begun);
                self.line(&line, !whole, terminal, out)?;
            }
        }
        Ok(())
    }

    fn line(&self, line: &[u8], unended: bool, terminal: bool, out: &mut Stream) -> io::Result<()> {
        if !terminal {
            let out = out.exact();
            if let Some(label) = &self.label {
                write!(out, "{label} | ")?;
            }
            out.write_all(line)?;
            return if unended { out.write_all(b"\n") } else { Ok(()) };
        }
        let text = String::from_utf8_lossy(line);
        let text = harmless(text.trim_end_matches('\n'));
        let dim = style::DIM;
        match &self.label {
            Some(label) => writeln!(out, "{dim}{} |{dim:#} {text}", printable(label)),
            None => writeln!(out, "{text}"),
        }
    }
}
