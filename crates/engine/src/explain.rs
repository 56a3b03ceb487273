//! Why a task ran although there is a cache: which part of its key is not what it was.

use std::collections::BTreeMap;

use lightship_base::Timestamp;

use crate::cache::{CacheEntry, CacheRules, Lookup, Part, Spoilt};
use crate::driver::{DriveError, replay};
use crate::event::Event;
use crate::id::{NodeId, RunId};
use crate::machine::State;
use crate::store::Store;

/// A task that ran in a run, instead of being taken from the cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The task.
    pub node: NodeId,
    /// Where it is: `for-loop-1[3]/train`.
    pub path: String,
    /// The component that it runs: what its results are filed under.
    pub component: String,
    /// When its latest attempt began.
    pub at: Timestamp,
    /// Whether its author allows the cache.
    pub caching: bool,
    /// Input artifacts whose content nobody knew.
    pub unknown: Vec<String>,
    /// What the cache was asked; none where it was not.
    pub lookup: Option<Box<Lookup>>,
}

/// Why a task ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its author does not allow the cache.
    Disabled,
    /// The run does not use it.
    Off,
    /// The contents of these inputs were not known; where there are none, the image was not.
    Unknown(Vec<String>),
    /// No earlier result of it is kept.
    Never,
    /// There was a result, and one of its outputs is not there any more.
    Spoilt(Spoilt),
    /// There was a result, and it is older than the run wants.
    Expired {
        /// When it was made.
        made: Timestamp,
    },
    /// Nothing is different from a result that is kept: it came too late, or could not be read.
    Missed {
        /// The run that made it.
        run: RunId,
    },
    /// Something is different from the nearest earlier result.
    Changed {
        /// The run that made it.
        run: RunId,
        /// What is different.
        parts: Vec<PartChange>,
    },
}

/// A part of a key that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChange {
    /// `image`, `command`, `parameter lr`, `artifact dataset`.
    pub name: String,
    /// What it is, where a line can say it.
    pub now: Side,
    /// What it was.
    pub before: Side,
}

/// A part on one of two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// It is not there.
    Absent,
    /// It is there, and no line says what it is.
    Unsaid,
    /// It is this.
    Text(String),
}

impl Side {
    fn of(part: Option<&Part>) -> Self {
        match part {
            None => Self::Absent,
            Some(part) => part.text.clone().map_or(Self::Unsaid, Self::Text),
        }
    }
}

/// All tasks of a run that ran, in the order of their places. Of several attempts the latest counts.
pub async fn ran(store: &dyn Store, run: &RunId) -> Result<Vec<Ran>, DriveError> {
    let known = replay(store, run).await?;
    let mut latest: BTreeMap<NodeId, (Timestamp, Option<Box<Lookup>>)> = BTreeMap::new();
    for notice in &known.notices {
        match &notice.recorded.event {
            Event::Starting { node, lookup, .. } => {
                latest.insert(*node, (notice.recorded.at, lookup.clone()));
            }
            // It ran, and was run again, which took an earlier result.
            Event::Cached { node, .. } => drop(latest.remove(node)),
            Event::Begun
            | Event::Succeeded { .. }
            | Event::Failed { .. }
            | Event::Stopped { .. }
            | Event::Lost { .. }
            | Event::Waited { .. }
            | Event::CancelRequested
            | Event::DeadlinePassed
            | Event::PauseRequested
            | Event::ResumeRequested
            | Event::RetryRequested
            | Event::RerunRequested { .. } => {}
        }
    }
    let told = latest.into_iter();
    Ok(told.filter_map(|(node, (at, lookup))| tell(&known.state, node, at, lookup)).collect())
}

fn tell(state: &State, node: NodeId, at: Timestamp, lookup: Option<Box<Lookup>>) -> Option<Ran> {
    let task = state.task(node)?;
    let plan = state.plan();
    let inputs = state.inputs(node).unwrap_or_default();
    let is_unknown = |uri: &str| state.content(uri).is_none();
    let unknown = inputs.artifacts.into_iter();
    let unknown = unknown.filter(|(_, list)| list.iter().any(|one| is_unknown(&one.uri)));
    Some(Ran {
        node,
        path: state.path(node),
        component: plan.component_of(task).name.clone(),
        at,
        caching: plan.tasks[task].caching.enabled,
        unknown: unknown.map(|(name, _)| name).collect(),
        lookup,
    })
}

/// Why a task ran, given results of its component from before, the latest first.
///
/// It is compared with the one that differs least: in a loop the latest result is that of another round.
pub fn explain(ran: &Ran, rules: &CacheRules, earlier: &[CacheEntry]) -> Why {
    if !ran.caching {
        return Why::Disabled;
    }
    let max_age = match rules {
        CacheRules::Off => return Why::Off,
        CacheRules::On { max_age } => max_age,
    };
    let Some(lookup) = &ran.lookup else { return Why::Unknown(ran.unknown.clone()) };
    if let Some(spoilt) = &lookup.spoilt {
        return Why::Spoilt(spoilt.clone());
    }
    let compared = earlier.iter().map(|entry| (entry, differences(&lookup.parts, &entry.parts)));
    match compared.min_by_key(|(_, parts)| parts.len()) {
        None => Why::Never,
        Some((entry, parts)) if parts.is_empty() => match max_age {
            Some(_) => Why::Expired { made: entry.created },
            None => Why::Missed { run: entry.run.clone() },
        },
        Some((entry, parts)) => Why::Changed { run: entry.run.clone(), parts },
    }
}

/// The parts in which a key is different from an earlier one.
fn differences(now: &[Part], before: &[Part]) -> Vec<PartChange> {
    let of = |parts: &'_ [Part], name: &str| parts.iter().find(|part| part.name == name).cloned();
    let mut names: Vec<&str> = now.iter().map(|part| part.name.as_str()).collect();
    names.extend(before.iter().map(|part| part.name.as_str()).filter(|n| of(now, n).is_none()));
    let mut changes = Vec::new();
    for name in names {
        let (now, before) = (of(now, name), of(before, name));
        if now.as_ref().zip(before.as_ref()).is_none_or(|(now, before)| !now.agrees(before)) {
            let (now, before) = (Side::of(now.as_ref()), Side::of(before.as_ref()));
            changes.push(PartChange { name: name.to_owned(), now, before });
        }
    }
    changes
}

#[cfg(test)]
mod tests;
