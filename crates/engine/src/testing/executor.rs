//! An executor that runs nothing: attempts end as a script says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lightship_ir::exchange::{self, Exchange, Produced};
use lightship_ir::value::ParameterType;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::Pending;
use crate::executor::{
    Environment, Executor, Launch, LogChunk, LogError, Outcome, StartError, Stop,
};
use crate::id::{AttemptId, RunId};
use crate::state::Failure;

/// What becomes of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It succeeds at once.
    Succeed,
    /// It succeeds after a while, unless it is stopped.
    After(Duration),
    /// It fails.
    Fail(Failure),
    /// It cannot be started.
    Refuse(Failure),
    /// It goes on until it is killed: asking does not help.
    Hang,
    /// It goes on until it is told to stop.
    UntilAsked,
}

/// Says what becomes of an attempt.
type Script = dyn Fn(&Launch) -> Step + Send + Sync;

/// Attempts that end as a script says. What it knows outlives a driver, as a cluster's would.
pub struct ScriptedExecutor {
    script: Box<Script>,
    known: Mutex<BTreeMap<AttemptId, Attempt>>,
    started: Mutex<Vec<(AttemptId, String)>>,
}

struct Attempt {
    step: Step,
    produced: Produced,
    outcome: Option<Outcome>,
    told: watch::Sender<Option<Stop>>,
}

impl ScriptedExecutor {
    /// Attempts end as `script` says.
    pub fn new(script: impl Fn(&Launch) -> Step + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), known: Mutex::default(), started: Mutex::default() }
    }

    /// The paths of all attempts that were started, in order.
    pub fn started(&self) -> Vec<(AttemptId, String)> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What ran is gone, and how it ended is forgotten: as when the machine lost its power.
    pub fn lose_everything(&self) {
        self.known().clear();
    }

    /// How many attempts it knows of.
    pub fn remembered(&self) -> usize {
        self.known().len()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Attempt>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, id: &AttemptId, outcome: Outcome) -> Outcome {
        if let Some(attempt) = self.known().get_mut(id) {
            attempt.outcome = Some(outcome.clone());
        }
        outcome
    }

    async fn outcome(&self, id: &AttemptId) -> Outcome {
        let known = self.known().get(id).map(|attempt| match &attempt.outcome {
            Some(outcome) => Err(outcome.clone()),
            None => Ok((attempt.step.clone(), attempt.produced.clone(), attempt.told.subscribe())),
        });
        let (step, produced, mut told) = match known {
            None => return Outcome::Lost,
            Some(Err(outcome)) => return outcome,
            Some(Ok(known)) => known,
        };
        let outcome = match step {
            Step::Succeed => Outcome::Succeeded(produced),
            Step::Fail(failure) | Step::Refuse(failure) => Outcome::Failed(failure),
            Step::After(time) => {
                let stopped = told.wait_for(Option::is_some);
                match tokio::time::timeout(time, stopped).await {
                    Ok(_) => Outcome::Stopped,
                    Err(_) => Outcome::Succeeded(produced),
                }
            }
            Step::Hang => until(&mut told, |stop| stop == &Some(Stop::Kill)).await,
            Step::UntilAsked => until(&mut told, Option::is_some).await,
        };
        self.ended(id, outcome)
    }
}

async fn until(
    told: &mut watch::Receiver<Option<Stop>>,
    enough: impl Fn(&Option<Stop>) -> bool,
) -> Outcome {
    if told.wait_for(|stop| enough(stop)).await.is_err() {
        // Everything was lost.
        return Outcome::Lost;
    }
    Outcome::Stopped
}

impl Executor for ScriptedExecutor {
    fn environment<'a>(
        &'a self,
        launch: &'a Launch,
    ) -> Pending<'a, Result<Environment, StartError>> {
        let name = launch.plan.executor_of(launch.task).map(|executor| executor.name.clone());
        Box::pin(async move { Ok(name.map_or(Environment::Unknown, Environment::Known)) })
    }

    fn start<'a>(&'a self, launch: &'a Launch) -> Pending<'a, Result<(), StartError>> {
        Box::pin(async move {
            let step = (self.script)(launch);
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            started.push((launch.id.clone(), launch.path.clone()));
            drop(started);
            if let Step::Refuse(failure) = step {
                return Err(StartError(failure));
            }
            let (told, _) = watch::channel(None);
            let attempt = Attempt { step, produced: produced(launch), outcome: None, told };
            self.known().insert(launch.id.clone(), attempt);
            Ok(())
        })
    }

    fn wait<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, Outcome> {
        Box::pin(self.outcome(attempt))
    }

    fn stop<'a>(&'a self, attempt: &'a AttemptId, how: Stop) -> Pending<'a, ()> {
        Box::pin(async move {
            if let Some(attempt) = self.known().get(attempt) {
                attempt.told.send_replace(Some(how));
            }
        })
    }

    fn find<'a>(&'a self, run: &'a RunId) -> Pending<'a, Vec<AttemptId>> {
        let known = self.known().keys().filter(|id| id.run == *run).cloned().collect();
        Box::pin(async move { known })
    }

    fn forget<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, ()> {
        self.known().remove(attempt);
        Box::pin(async {})
    }

    fn logs<'a>(
        &'a self,
        attempt: &'a AttemptId,
        from: u64,
    ) -> Pending<'a, Result<LogChunk, LogError>> {
        Box::pin(async move {
            sleep(Duration::ZERO).await;
            let text = format!("attempt {attempt}\n").into_bytes();
            let at = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
            Ok(LogChunk { bytes: text[at..].to_vec(), next: text.len() as u64, end: true })
        })
    }
}

/// Something for every output.
fn produced(launch: &Launch) -> Produced {
    let declared = &launch.plan.component_of(launch.task).outputs;
    let outputs = exchange::Outputs::below(&launch.root, declared);
    let exchange = Arc::new(Exchange { inputs: launch.inputs.clone(), outputs });
    let parameters = declared.parameters.iter().map(|(name, kind)| (name.clone(), some(*kind)));
    let artifacts = exchange.outputs.artifacts.iter();
    Produced {
        parameters: parameters.collect(),
        artifacts: artifacts.map(|(name, one)| (name.clone(), vec![one.clone()])).collect(),
    }
}

/// Some value of a type.
pub(crate) fn some(kind: ParameterType) -> Value {
    match kind {
        ParameterType::NumberDouble => json!(0.5),
        ParameterType::NumberInteger => json!(7),
        ParameterType::String => json!("text"),
        ParameterType::Boolean => json!(true),
        ParameterType::List => json!(["a", "b"]),
        ParameterType::Struct | ParameterType::TaskFinalStatus | ParameterType::TaskConfig => {
            json!({"key": "value"})
        }
    }
}
