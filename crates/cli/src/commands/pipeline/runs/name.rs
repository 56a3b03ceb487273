//! Which run, and which task of it, somebody means.

use lightship_base::{Category, Diagnose, Hint};
use lightship_engine::{NodeId, RunId};

use super::super::PipelineError;
use super::super::record::Record;
use crate::commands::Error;
use crate::views::runs::tree::{Meant, Tree};

/// The newest run.
const LATEST: &str = "latest";

/// Alternatives that a message names.
const MOST: usize = 5;

/// Why words name no run or task.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("there is no run `{words}`")]
    Unknown {
        /// What was written.
        words: String,
    },
    /// There are no runs at all.
    #[error("there is no run yet")]
    Empty,
    /// There are several.
    #[error("`{words}` may mean any of {}", several(candidates))]
    Ambiguous {
        /// What was written.
        words: String,
        /// What it may mean.
        candidates: Vec<String>,
    },
    /// The run has no such task.
    #[error("run {run} has no task `{words}`, or it has not begun")]
    NoSuchTask {
        /// The run.
        run: RunId,
        /// What was written.
        words: String,
        /// What may have been meant.
        alike: Vec<String>,
    },
}

impl Diagnose for NameError {
    fn category(&self) -> Category {
        Category::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        let text = match self {
            Self::Unknown { .. } => "see which there are with `lightship runs ls`".to_owned(),
            Self::Empty => "`lightship run PIPELINE` makes one".to_owned(),
            Self::Ambiguous { .. } => "write more of it".to_owned(),
            Self::NoSuchTask { alike, run, .. } => match &alike[..] {
                [] => format!("see its tasks with `lightship runs show {run}`"),
                alike => format!("did you mean `{}`", alike.join("` or `")),
            },
        };
        vec![Hint::new(text)]
    }
}

fn several(candidates: &[String]) -> String {
    let shown = candidates.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match candidates.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Record {
    /// The run that somebody means.
    pub(in crate::commands::pipeline) fn named(&self, words: &str) -> Result<RunId, Error> {
        let ids = self.wait(self.store.run_ids()).map_err(PipelineError::from)?;
        Ok(choose(&ids, words).map_err(PipelineError::from)?)
    }
}

/// The task of a run that somebody means.
pub(super) fn task(run: &RunId, tree: &Tree, words: &str) -> Result<NodeId, Error> {
    let error = match tree.find(words) {
        Meant::One(node) => return Ok(node),
        Meant::Several(candidates) => NameError::Ambiguous { words: words.to_owned(), candidates },
        Meant::Nothing => NameError::NoSuchTask {
            run: run.clone(),
            words: words.to_owned(),
            alike: tree.alike(words),
        },
    };
    Err(PipelineError::from(error).into())
}

/// One of these runs, which come newest first.
fn choose(ids: &[RunId], words: &str) -> Result<RunId, NameError> {
    if let Some(exact) = ids.iter().find(|id| id.as_str() == words) {
        return Ok(exact.clone());
    }
    if words == LATEST {
        return ids.first().cloned().ok_or(NameError::Empty);
    }
    let begins = |id: &&RunId| {
        let digits = id.as_str().rsplit('-').next().unwrap_or_default();
        !words.is_empty() && (id.as_str().starts_with(words) || digits.starts_with(words))
    };
    let found: Vec<&RunId> = ids.iter().filter(begins).collect();
    let words = words.to_owned();
    match &found[..] {
        [] => Err(NameError::Unknown { words }),
        [only] => Ok((*only).clone()),
        several => {
            let candidates = several.iter().map(ToString::to_string).collect();
            Err(NameError::Ambiguous { words, candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_what_is_enough_of_it() {
        let ids = ["churn-7f3a0001", "churn-7b000002", "add-7f000003", "add"];
        let ids: Vec<RunId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let of = |words: &str| match choose(&ids, words) {
            Ok(id) => id.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(of("latest"), "churn-7f3a0001");
        assert_eq!(of("churn-7b"), "churn-7b000002");
        assert_eq!(of("7b"), "churn-7b000002");
        assert_eq!(of("add"), "add", "the whole of one goes before the beginning of another");
        assert_eq!(of("7f"), "`7f` may mean any of churn-7f3a0001, add-7f000003");
        assert_eq!(of("f3a"), "there is no run `f3a`");
        assert_eq!(of(""), "there is no run ``");
        assert_eq!(choose(&[], "latest").unwrap_err().to_string(), "there is no run yet");
    }
}
