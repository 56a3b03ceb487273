//! What a run hears while it is driven: signals for this process, and requests of others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use lightship_engine::RunId;
use lightship_engine::driver::{DriveError, RunRemote};
use lightship_store::{Request, SqliteStore, Wish};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as Incoming};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// How often requests are looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Signals that ask a run to end, while this lives.
pub(super) struct Signals {
    handle: Handle,
    received: UnboundedReceiver<i32>,
}

impl Signals {
    /// From now on these signals do not end this process.
    pub(super) fn take() -> io::Result<Self> {
        let mut signals = Incoming::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let (sender, received) = unbounded_channel();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { handle, received })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// The signal because of which a run was left as it stands, if it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Left(Arc<AtomicI32>);

impl Left {
    /// Its number.
    pub(super) fn signal(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Acquire)).filter(|signal| *signal != 0)
    }
}

/// Hears what is wanted of a run, and hands it on.
pub(super) struct Attendant {
    pub(super) remote: RunRemote,
    pub(super) run: RunId,
    pub(super) store: Arc<SqliteStore>,
    /// Takes lines for whoever looks on.
    pub(super) say: UnboundedSender<String>,
    pub(super) left: Left,
}

impl Attendant {
    /// Until the run is left, or for ever. The first signal ends the run in order, the second one leaves it as it
    /// stands; so does the end of the terminal, where nobody is left to see the first.
    pub(super) async fn attend(self, mut signals: Signals) {
        let mut asked = false;
        loop {
            match timeout(LOOK, signals.received.recv()).await {
                Ok(None) => return,
                Ok(Some(signal)) if asked || signal == SIGHUP => {
                    self.left.0.store(signal, Ordering::Release);
                    return self.remote.abandon();
                }
                Ok(Some(_)) => {
                    asked = true;
                    self.say("the run is being ended: its tasks are told to stop, and exit tasks run; once more leaves at once");
                    let remote = self.remote.clone();
                    // Not waited for: the second signal must be heard, whatever keeps the record from being written.
                    // One that is being ended already, or has ended, says that it cannot be; that is no news.
                    tokio::spawn(async move { drop(remote.cancel().await) });
                }
                Err(_) => self.requests().await,
            }
        }
    }

    /// Does what others want. A store that cannot be read now is asked again.
    async fn requests(&self) {
        for request in self.store.requests(&self.run).await.unwrap_or_default() {
            if let Err(DriveError::Illegal(_)) = self.obey(request).await {
                let _ = self.store.withdraw(request).await;
            }
        }
    }

    async fn obey(&self, request: Request) -> Result<(), DriveError> {
        // The store forgets a request together with keeping what answers it.
        match request.wish {
            Wish::Cancel => {
                self.remote.cancel().await?;
                self.say("another process wants the run to end: its tasks are told to stop, and exit tasks run");
            }
            Wish::Pause => {
                self.remote.pause().await?;
                self.say("another process wants a pause: nothing more starts; `lightship runs unpause` ends it");
            }
            Wish::Unpause => self.remote.unpause().await?,
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        let _ = self.say.send(format!("note: {text}\n"));
    }
}
