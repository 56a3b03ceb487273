//! What attempts printed: the end of it, as a terminal may have it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use lightship_engine::{NodeId, RunId};

use crate::render::text::printable;

/// Bytes at the end of a log, which may be of any size, in which its last lines are looked for.
const END: u64 = 16 * 1024;

/// Logs of one run.
pub(super) struct Logs {
    folder: PathBuf,
}

impl Logs {
    /// Those of a run, below the folder of runs.
    pub(super) fn of(runs: &Path, run: &RunId) -> Self {
        Self { folder: runs.join(run.as_str()) }
    }

    /// What an attempt printed.
    pub(super) fn path(&self, node: NodeId, attempt: u32) -> PathBuf {
        self.folder.join(format!("{node}-{attempt}")).join("log")
    }

    /// The last lines that an attempt printed, at most so many.
    pub(super) fn last(&self, node: NodeId, attempt: u32, most: usize) -> Vec<String> {
        last_lines(&self.path(node, attempt), most)
    }
}

/// The last lines of a log that are not empty, at most so many.
fn last_lines(log: &Path, most: usize) -> Vec<String> {
    let text = end(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> =
        text.lines().map(harmless).filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}

/// A line as a terminal may have it: of what was written over (a progress bar) the last, without colours, and all else
/// that it would obey is shown instead.
pub(super) fn harmless(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let last = line.rsplit('\r').next().unwrap_or(line);
    printable(&strip_str(last).to_string().replace('\t', "    ")).into_owned()
}

fn end(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_that_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert!(last_lines(&log, 3).is_empty(), "nothing was written yet");
        let text = format!("{}\nfirst\n\nsecond\n 10 %\r 20 %\r\n 30 %\r 40 %", "x".repeat(20_000));
        std::fs::write(&log, text).unwrap();
        assert_eq!(last_lines(&log, 3), ["second", " 20 %", " 40 %"]);
        assert_eq!(last_lines(&log, 1), [" 40 %"]);
    }
}
