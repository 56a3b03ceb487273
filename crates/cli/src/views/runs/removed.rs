//! Runs that are gone.

use lightship_base::ByteSize;
use serde::Serialize;

use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::views::count;

/// `lightship runs rm --format json`.
#[derive(Debug, Default, Serialize)]
pub struct RemovedDocument {
    /// Whether nothing was removed: what would be is told.
    pub dry_run: bool,
    /// Runs that are gone.
    pub runs: Vec<RemovedRun>,
    /// Runs that would have gone as well, had nobody driven them.
    pub driven: Vec<String>,
    /// Bytes of folders that belong to no run any more, and of which nobody needs anything.
    pub leftover_bytes: ByteSize,
    /// All bytes that are free now.
    pub freed_bytes: ByteSize,
    /// Bytes of artifacts of these runs that stay.
    pub kept_bytes: ByteSize,
}

/// A run that is gone.
#[derive(Debug, Serialize)]
pub struct RemovedRun {
    /// Its id.
    pub id: String,
    /// What went with it: logs, workspace, artifacts.
    pub freed_bytes: ByteSize,
    /// Bytes of its artifacts that others need.
    pub kept_bytes: ByteSize,
}

impl Document for RemovedDocument {
    const SCHEMA: Schema = Schema { command: "runs.rm", version: 1 };
}

impl RemovedDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let verb = if self.dry_run { "would remove" } else { "removed" };
        let mut text = String::new();
        for run in &self.runs {
            let kept = match run.kept_bytes {
                ByteSize::ZERO => String::new(),
                kept => format!("; {kept} of artifacts stay, which others need"),
            };
            text += &format!("{verb} {}: {}{kept}\n", printable(&run.id), run.freed_bytes);
        }
        for run in &self.driven {
            text += &format!("left {}: a process drives it\n", printable(run));
        }
        let leftovers = match self.leftover_bytes {
            ByteSize::ZERO => String::new(),
            bytes => format!(", {bytes} of it left over from runs that were removed before"),
        };
        let runs = count(self.runs.len() as u64, "run", "runs");
        text += &format!("{verb} {runs}, {} in all{leftovers}\n", self.freed_bytes);
        if self.kept_bytes > ByteSize::ZERO {
            text += "what the cache keeps goes with `--results`, or with the results themselves\n";
        }
        text
    }
}
