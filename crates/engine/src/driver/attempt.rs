//! What goes on beside the loop: looking into the cache, an attempt from start to end, telling one to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{Digest, Timestamp};
use lightship_ir::exchange::{Artifact, Produced};
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::run::Message;
use super::{Point, Shared, Verdict};
use crate::cache::{self, CacheEntry, CacheRules, Lookup, Spoilt};
use crate::event::{Content, Outputs};
use crate::executor::{Environment, Launch, Outcome, Stop};
use crate::id::AttemptId;
use crate::state::{Failure, Reason};

/// What is known before an attempt.
pub(super) enum Prepared {
    /// An earlier run's outputs will do.
    Hit(Box<CacheEntry>),
    /// It has to run. What was looked for, if anything was.
    Miss(Option<Box<Lookup>>),
}

/// How an attempt ended, with all that has to be written about it.
pub(super) enum Ended {
    Succeeded(Arc<Outputs>),
    Failed(Failure),
    Stopped,
    Lost,
}

/// Looks whether an earlier run's outputs will do. Whatever goes wrong here, the task can still run.
pub(super) async fn prepare(
    shared: &Shared,
    launch: &Launch,
    rules: &CacheRules,
    mut known: BTreeMap<String, Content>,
) -> Prepared {
    let world = &shared.world;
    let Ok(Environment::Known(environment)) = world.executor.environment(launch).await else {
        return Prepared::Miss(None);
    };
    for artifact in launch.inputs.artifacts.values().flatten() {
        if known.contains_key(&artifact.uri) {
            continue;
        }
        if let Ok(Some(content)) = world.artifacts.content(artifact).await {
            known.insert(artifact.uri.clone(), content);
        }
    }
    let content = |uri: &str| -> Option<Digest> { known.get(uri).map(|content| content.digest) };
    let plan = &launch.plan;
    let Some(mut lookup) = cache::lookup(launch, &environment, content) else {
        return Prepared::Miss(None);
    };
    let since = match rules {
        CacheRules::Off => return Prepared::Miss(Some(Box::new(lookup))),
        CacheRules::On { max_age } => oldest(world.clock.now(), *max_age),
    };
    if let Ok(Some(entry)) = world.store.cached(lookup.key, since).await {
        lookup.spoilt = spoilt(shared, &entry).await;
        if lookup.spoilt.is_none() {
            return Prepared::Hit(Box::new(entry));
        }
    }
    let task = &plan.component_of(launch.task).name;
    if let Ok(Some(latest)) = world.store.latest(&plan.name, task).await {
        lookup.changed = cache::changed(&lookup.parts, &latest.parts);
    }
    Prepared::Miss(Some(Box::new(lookup)))
}

fn oldest(now: Timestamp, max_age: Option<Duration>) -> Timestamp {
    let age = max_age.and_then(|age| jiff::SignedDuration::try_from(age).ok());
    age.and_then(|age| now.checked_sub(age).ok()).unwrap_or(Timestamp::MIN)
}

/// The first output of a result that is not what it was; none where all are.
async fn spoilt(shared: &Shared, entry: &CacheEntry) -> Option<Spoilt> {
    let artifacts = &shared.world.artifacts;
    for (output, artifact) in named(&entry.outputs.produced) {
        let Some(content) = entry.outputs.contents.get(&artifact.uri) else { continue };
        if !artifacts.is_intact(artifact, content).await.unwrap_or(false) {
            return Some(Spoilt {
                run: entry.run.clone(),
                output: output.clone(),
                uri: artifact.uri.clone(),
                gone: matches!(artifacts.content(artifact).await, Ok(None)),
            });
        }
    }
    None
}

/// An attempt from its start to its end.
pub(super) async fn run(shared: &Shared, launch: &Launch, sender: &Sender<Message>) -> Ended {
    if let Err(error) = shared.world.executor.start(launch).await {
        return Ended::Failed(error.0);
    }
    if shared.halts(Point::AfterStart, &launch.id) {
        let _ = sender.send(Message::Halt(Point::AfterStart)).await;
    }
    let deadline = launch.plan.tasks[launch.task].kubernetes.as_ref().and_then(|k| k.deadline);
    watch(shared, &launch.id, deadline).await
}

/// An attempt that runs, to its end.
pub(super) async fn watch(
    shared: &Shared,
    attempt: &AttemptId,
    deadline: Option<Duration>,
) -> Ended {
    let executor = &shared.world.executor;
    let outcome = match deadline {
        None => executor.wait(attempt).await,
        Some(deadline) => within(shared, attempt, deadline).await,
    };
    match outcome {
        Outcome::Failed(failure) => Ended::Failed(failure),
        Outcome::Stopped => Ended::Stopped,
        Outcome::Lost => Ended::Lost,
        Outcome::Succeeded(produced) => match contents(shared, &produced).await {
            Ok(contents) => Ended::Succeeded(Arc::new(Outputs { produced, contents })),
            Err(failure) => Ended::Failed(failure),
        },
    }
}

/// The end of an attempt, which is ended if it does not come in time.
async fn within(shared: &Shared, attempt: &AttemptId, deadline: Duration) -> Outcome {
    let executor = &shared.world.executor;
    if let Ok(outcome) = timeout(deadline, executor.wait(attempt)).await {
        return outcome;
    }
    executor.stop(attempt, Stop::Ask).await;
    let asked = timeout(shared.settings.grace, executor.wait(attempt)).await;
    let outcome = if let Ok(outcome) = asked {
        outcome
    } else {
        executor.stop(attempt, Stop::Kill).await;
        executor.wait(attempt).await
    };
    let text = format!("it took longer than {} s", deadline.as_secs_f64());
    match outcome {
        Outcome::Lost => Outcome::Lost,
        Outcome::Succeeded(_) | Outcome::Failed(_) | Outcome::Stopped => {
            Outcome::Failed(Failure::new(Reason::Deadline, text))
        }
    }
}

/// Tells an attempt to stop, and kills it after a while. To kill one that has ended does nothing.
pub(super) async fn stop(shared: &Shared, attempt: &AttemptId) {
    let executor = &shared.world.executor;
    executor.stop(attempt, Stop::Ask).await;
    sleep(shared.settings.grace).await;
    executor.stop(attempt, Stop::Kill).await;
}

/// What the artifacts of a task contain.
async fn contents(
    shared: &Shared,
    produced: &Produced,
) -> Result<BTreeMap<String, Content>, Failure> {
    let mut contents = BTreeMap::new();
    for (name, artifact) in named(produced) {
        let content = shared.world.artifacts.content(artifact).await;
        let content = content.map_err(|error| {
            Failure::new(Reason::Outputs, format!("output artifact `{name}`: {error}"))
        })?;
        contents.extend(content.map(|content| (artifact.uri.clone(), content)));
    }
    Ok(contents)
}

fn named(produced: &Produced) -> impl Iterator<Item = (&String, &Artifact)> {
    produced.artifacts.iter().flat_map(|(name, list)| list.iter().map(move |one| (name, one)))
}

impl Shared {
    /// Whether a test wants the driver to halt here.
    pub(super) fn halts(&self, point: Point, attempt: &AttemptId) -> bool {
        let verdict = |probe: &Arc<dyn super::Probe>| probe.reached(point, attempt);
        self.world.probe.as_ref().map(verdict) == Some(Verdict::Halt)
    }
}
