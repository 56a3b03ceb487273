//! A run that is driven, from outside.

use std::sync::Arc;

use lightship_base::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

use super::run::Message;
use super::{DriveError, Follower, replay};
use crate::event::{Event, Notice};
use crate::id::{RunId, Seq};
use crate::state::RunState;
use crate::store::Store;

/// A run that is driven. To drop it leaves the run to itself; it goes on.
pub struct RunHandle {
    pub(super) run: RunId,
    pub(super) since: Seq,
    pub(super) requests: mpsc::Sender<Message>,
    /// Weak, so that who follows sees the end of the loop.
    pub(super) notices: broadcast::WeakSender<Arc<Notice>>,
    pub(super) store: Arc<dyn Store>,
    /// None before the loop begins.
    pub(super) ended: Option<JoinHandle<Result<RunState, DriveError>>>,
}

impl RunHandle {
    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The latest event of the run before it was driven here: what a follower tells up to there is history. Nothing is
    /// for a new run.
    pub fn since(&self) -> Seq {
        self.since
    }

    /// Ends the run: running attempts are told to stop, and exit tasks run. Returns when that is durable; the run ends
    /// some time after.
    pub async fn cancel(&self) -> Result<(), DriveError> {
        self.remote().cancel().await
    }

    /// Starts nothing more. What runs goes on.
    pub async fn pause(&self) -> Result<(), DriveError> {
        self.remote().pause().await
    }

    /// Goes on after a pause.
    pub async fn unpause(&self) -> Result<(), DriveError> {
        self.remote().unpause().await
    }

    /// What gives the run orders while somebody else waits for its end.
    pub fn remote(&self) -> RunRemote {
        let ended = self.ended.as_ref().map(JoinHandle::abort_handle);
        let (store, requests) = (Arc::clone(&self.store), self.requests.clone());
        RunRemote { run: self.run.clone(), store, requests, ended }
    }

    /// Everything that happened to the run and will: first what is kept, then what happens.
    pub fn follow(&self) -> Follower {
        let live = self.notices.upgrade().map(|notices| notices.subscribe());
        // Of a loop that has ended there is only what is kept.
        let live = live.unwrap_or_else(|| broadcast::channel(1).1);
        Follower::new(Arc::clone(&self.store), self.run.clone(), live)
    }

    /// Drives the run no further, as if Lightship had ended. What its executor runs is left to that one; the run can be
    /// resumed.
    pub fn abandon(self) {
        self.remote().abandon();
    }

    /// Waits for the end of the run.
    pub async fn wait(mut self) -> Result<RunState, DriveError> {
        let gone = || DriveError::Gone(self.run.clone());
        let Some(ended) = self.ended.take() else { return Err(gone()) };
        ended.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Gives a run orders. It may be kept by several; the run ends without them.
#[derive(Clone)]
pub struct RunRemote {
    run: RunId,
    store: Arc<dyn Store>,
    requests: mpsc::Sender<Message>,
    ended: Option<AbortHandle>,
}

impl RunRemote {
    /// See [`RunHandle::cancel`].
    pub async fn cancel(&self) -> Result<(), DriveError> {
        self.request(Event::CancelRequested).await
    }

    /// See [`RunHandle::pause`].
    pub async fn pause(&self) -> Result<(), DriveError> {
        self.request(Event::PauseRequested).await
    }

    /// See [`RunHandle::unpause`].
    pub async fn unpause(&self) -> Result<(), DriveError> {
        self.request(Event::ResumeRequested).await
    }

    /// See [`RunHandle::abandon`]. Who follows the run sees its end, and who waits for it hears that it is not driven.
    pub fn abandon(&self) {
        if let Some(ended) = &self.ended {
            ended.abort();
        }
    }

    async fn request(&self, event: Event) -> Result<(), DriveError> {
        let (reply, answer) = oneshot::channel();
        let request = Message::Request { event: Box::new(event.clone()), reply };
        if self.requests.send(request).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return Ok(answer?);
        }
        Err(too_late(self.store.as_ref(), &self.run, &event).await)
    }
}

/// What is answered where nobody hears a request any more: what the run itself says about it. A run that has ended by
/// itself a moment ago is none that somebody gave up.
async fn too_late(store: &dyn Store, run: &RunId, event: &Event) -> DriveError {
    match replay(store, run).await {
        Err(error) => error,
        Ok(mut known) => match known.state.step(Timestamp::MAX, event) {
            Err(illegal) => DriveError::Illegal(illegal),
            Ok(_) => DriveError::Gone(run.clone()),
        },
    }
}
