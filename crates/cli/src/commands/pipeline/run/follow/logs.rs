//! The ends of the logs of attempts, while these are written.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use lightship_engine::{NodeId, RunId};

/// Bytes at the end of a log in which its last lines are looked for.
const END: u64 = 8192;

/// Logs of one run.
pub(super) struct Logs {
    folder: PathBuf,
}

impl Logs {
    pub(super) fn of(runs: &Path, run: &RunId) -> Self {
        Self { folder: runs.join(run.as_str()) }
    }

    /// The last lines that an attempt printed, at most so many. A line that was drawn anew, as progress bars do, counts
    /// as it is now.
    pub(super) fn last(&self, node: NodeId, attempt: u32, most: usize) -> Vec<String> {
        let path = self.folder.join(format!("{node}-{attempt}")).join("log");
        let text = end_of(&path).unwrap_or_default();
        let now = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
        let lines: Vec<String> =
            text.split('\n').map(now).filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(most)..].to_vec()
    }
}

fn end_of(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_that_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let run: RunId = "churn-1".parse().unwrap();
        let logs = Logs::of(folder.path(), &run);
        assert!(logs.last(NodeId::ROOT, 1, 3).is_empty(), "nothing was written yet");
        let attempt = folder.path().join("churn-1/0-1");
        std::fs::create_dir_all(&attempt).unwrap();
        let text = format!("{}\nfirst\n\nsecond\n 10 %\r 20 %\r\n 30 %\r 40 %", "x".repeat(9000));
        std::fs::write(attempt.join("log"), text).unwrap();
        assert_eq!(logs.last(NodeId::ROOT, 1, 3), ["second", " 20 %", " 40 %"]);
        assert_eq!(logs.last(NodeId::ROOT, 1, 1), [" 40 %"]);
    }
}
