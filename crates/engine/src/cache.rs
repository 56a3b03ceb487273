//! Whether an earlier run's outputs will do: keys by content, in parts with names.

use std::collections::BTreeMap;
use std::time::Duration;

use lightship_base::{Digest, Timestamp};
pub use lightship_ir::Part;
use lightship_ir::value::text_of;
use lightship_ir::{Evidence, MountedVolume, fingerprint};
use serde::{Deserialize, Serialize};

use crate::event::Outputs;
use crate::executor::Launch;
use crate::id::{NodeId, RunId};

/// How a run uses the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheRules {
    /// Every task of it runs. Its results are kept for others.
    Off,
    /// Tasks that allow it take results that are not older than this; of any age, if none.
    On {
        /// The oldest result that will do.
        max_age: Option<Duration>,
    },
}

impl Default for CacheRules {
    fn default() -> Self {
        Self::On { max_age: None }
    }
}

/// What a result is found by: a digest of everything that it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheKey(pub Digest);

/// What the cache was asked for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// The key.
    pub key: CacheKey,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// The names of parts that are not those of the task's latest result; empty where it never had one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Why a result of this very key would not do; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoilt: Option<Spoilt>,
}

/// An output of an earlier result that is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoilt {
    /// The run that made it.
    pub run: RunId,
    /// The output.
    pub output: String,
    /// Where it was.
    pub uri: String,
    /// Whether nothing is there; else it is something different.
    pub gone: bool,
}

/// A result that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheEntry {
    /// What it is found by.
    pub key: CacheKey,
    /// What the key is made of.
    pub parts: Vec<Part>,
    /// The pipeline that made it.
    pub pipeline: String,
    /// The task that made it.
    pub task: String,
    /// The run that made it.
    pub run: RunId,
    /// Where in that run.
    pub node: NodeId,
    /// When.
    pub created: Timestamp,
    /// The result.
    pub outputs: Outputs,
}

/// What to look for before a task runs; none where the content of something that it reads is not known, and where its
/// outputs are not all that it leaves: a run's workspace is empty at its beginning, and whoever took a result would go
/// on without the files that come with it. Upstream makes the name of the workspace part of the key, with the same
/// effect on other runs; within one run that would take a result although something before it has changed the files.
///
/// Volumes count by name, folder and place, as they do upstream: they outlive runs, so that what an earlier run left
/// in them is there.
///
/// `environment` is what the executor says that the result depends on besides ([`crate::Executor::environment`]).
pub(crate) fn lookup(
    launch: &Launch,
    environment: &str,
    content: impl Fn(&str) -> Option<Digest>,
) -> Option<Lookup> {
    let (plan, task) = (&launch.plan, launch.task);
    if plan.config.workspace.is_some() {
        return None;
    }
    let mut artifacts = BTreeMap::new();
    for (name, list) in &launch.inputs.artifacts {
        let digests = list.iter().map(|artifact| content(&artifact.uri));
        artifacts.insert(name.clone(), digests.collect::<Option<Vec<Digest>>>()?);
    }
    let mounts = plan.tasks[task].kubernetes.iter().flat_map(|kubernetes| &kubernetes.volumes);
    let volumes: Vec<MountedVolume> = mounts
        .map(|mount| MountedVolume {
            name: launch.name(&mount.name).map(text_of).unwrap_or_default(),
            sub_path: mount.sub_path.clone(),
            path: mount.path.clone(),
        })
        .collect();
    let evidence = Evidence { image: environment, volumes: &volumes, artifacts: &artifacts };
    let found = fingerprint(plan, task, &launch.inputs, &evidence)?;
    let (key, parts) = (CacheKey(found.key()), found.parts().to_vec());
    Some(Lookup { key, parts, changed: Vec::new(), spoilt: None })
}

/// The names of the parts in which a key differs from that of an earlier result.
pub(crate) fn changed(now: &[Part], before: &[Part]) -> Vec<String> {
    let same = |part: &&Part, others: &[Part]| others.iter().any(|other| part.agrees(other));
    let mut names: Vec<String> =
        now.iter().filter(|part| !same(part, before)).map(|part| part.name.clone()).collect();
    let gone = before.iter().filter(|part| !now.iter().any(|other| other.name == part.name));
    names.extend(gone.map(|part| part.name.clone()));
    names
}
