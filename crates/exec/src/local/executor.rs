//! What the engine asks of an executor, answered without keeping anybody else from working.

use std::sync::Arc;

use lightship_engine::{
    AttemptId, Environment, Executor, Failure, Launch, LogChunk, LogError, Outcome, Pending,
    Reason, RunId, StartError, Stop,
};

use super::{LocalExecutor, logs};

impl Executor for LocalExecutor {
    fn environment<'a>(
        &'a self,
        launch: &'a Launch,
    ) -> Pending<'a, Result<Environment, StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.environment(launch)))
    }

    fn start<'a>(&'a self, launch: &'a Launch) -> Pending<'a, Result<(), StartError>> {
        let (shared, launch) = (Arc::clone(&self.0), launch.clone());
        Box::pin(blocking(move || shared.start(launch)))
    }

    fn wait<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let known = self.0.attempts().get(attempt).map(|known| known.outcome.clone());
            let Some(mut outcome) = known else { return Outcome::Lost };
            let ended = outcome.wait_for(Option::is_some).await;
            ended.ok().and_then(|ended| ended.clone()).unwrap_or(Outcome::Lost)
        })
    }

    fn stop<'a>(&'a self, attempt: &'a AttemptId, how: Stop) -> Pending<'a, ()> {
        Box::pin(async move {
            if let Some(known) = self.0.attempts().get_mut(attempt) {
                known.stopped = true;
                if let Some(stopper) = &known.stopper {
                    stopper.stop(how);
                }
            }
        })
    }

    fn find<'a>(&'a self, run: &'a RunId) -> Pending<'a, Vec<AttemptId>> {
        Box::pin(async move {
            let attempts = self.0.attempts();
            attempts.keys().filter(|attempt| attempt.run == *run).cloned().collect()
        })
    }

    fn forget<'a>(&'a self, attempt: &'a AttemptId) -> Pending<'a, ()> {
        Box::pin(async move {
            self.0.attempts().remove(attempt);
        })
    }

    fn logs<'a>(
        &'a self,
        attempt: &'a AttemptId,
        from: u64,
    ) -> Pending<'a, Result<LogChunk, LogError>> {
        let folder = self.0.run_folder(&attempt.run);
        let ended = self.0.attempts().get(attempt).map(|known| known.outcome.clone());
        Box::pin(logs::read(folder, attempt, from, ended))
    }
}

/// Work that waits for disks and processes, where it keeps nobody else from working.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, StartError> {
    let gone = |_| Failure::new(Reason::Executor, "the executor ended");
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(gone).and_then(|done| done).map_err(StartError)
}
