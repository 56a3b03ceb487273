//! What came of a check.

use std::time::Duration;

use lightship_base::{Category, Hint, with_causes};
use lightship_sandbox::End;
use serde::{Serialize, Serializer};

use super::Check;

/// What came of one check.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The check.
    pub check: Check,
    /// Whether what must hold, holds.
    pub status: Status,
    /// Why it failed or could not run: half-sentences, one a line. Empty where it passed.
    pub reasons: Vec<String>,
    /// What else is worth knowing: sentences without a full stop.
    pub remarks: Vec<String>,
    /// What came of each module, where imports were checked.
    pub modules: Vec<ModuleOutcome>,
    /// The command that was run; empty where none was.
    pub command: Vec<String>,
    /// What to type to see it again; none where no command was run.
    #[serde(skip)]
    pub repeat: Option<Repeat>,
    /// How it ended.
    #[serde(skip)]
    pub end: Option<End>,
    /// How long everything took.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub time: Duration,
    /// The lines that matter of what it wrote, as it wrote them: control characters included.
    pub lines: Vec<String>,
    /// What to do next, where that is known.
    #[serde(serialize_with = "texts")]
    pub hints: Vec<Hint>,
}

/// What came of importing one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleOutcome {
    /// Its name.
    pub module: String,
    /// Whether the source does without it.
    pub optional: bool,
    /// Why it cannot be imported; none where it can.
    pub error: Option<String>,
    /// Where the error was raised, the innermost place that is no library's: `file:line`.
    pub place: Option<String>,
}

/// Whether what must hold, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// This machine cannot find out.
    CouldNotRun,
}

/// A command of which another run in the same image shows the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// This one, instead of the image's entry point.
    Command(Vec<String>),
    /// The image's own.
    EntryPoint,
}

/// How many checks came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// They hold.
    pub passed: usize,
    /// They do not.
    pub failed: usize,
    /// This machine cannot find out.
    pub could_not_run: usize,
}

impl Summary {
    /// Of these.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let count = |status| verdicts.iter().filter(|verdict| verdict.status == status).count();
        Self {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            could_not_run: count(Status::CouldNotRun),
        }
    }
}

impl Verdict {
    /// A check that has not found anything wrong yet.
    pub(super) fn of(check: &Check) -> Self {
        Self {
            check: check.clone(),
            status: Status::Passed,
            reasons: Vec::new(),
            remarks: Vec::new(),
            modules: Vec::new(),
            command: Vec::new(),
            repeat: None,
            end: None,
            time: Duration::ZERO,
            lines: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// It fails, and this is why.
    pub(super) fn fail(&mut self, reason: impl Into<String>) {
        self.status = Status::Failed;
        self.reasons.push(reason.into());
    }

    /// The command could not be started or watched. Whose fault that is decides: an image without the
    /// program fails, a machine without namespaces cannot find out.
    pub(super) fn not_started(&mut self, error: &dyn lightship_base::Diagnose) {
        self.reasons.push(with_causes(error));
        self.hints.extend(error.hints());
        self.status = match error.category() {
            Category::BadInput | Category::Usage => Status::Failed,
            Category::Machine | Category::Network | Category::Bug => Status::CouldNotRun,
        };
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are what repeats from run to run, more or less.
    ((time.as_secs_f64() * 1000.0).round() / 1000.0).serialize(serializer)
}

fn texts<S: Serializer>(hints: &[Hint], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hints.iter().map(ToString::to_string))
}
