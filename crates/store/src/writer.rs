//! The one thread that writes. Whatever gathers while it waits for the disk becomes one transaction.

use std::thread::{self, JoinHandle};

use lightship_engine::StoreFault;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault;

/// Jobs that wait; whoever has another one waits until there is room.
const WAITING: usize = 256;

/// What is done inside of a transaction. What it returns is called when that has ended, with the reason for which
/// nothing of it is there.
type Job = Box<dyn FnOnce(&Connection) -> Done + Send>;
type Done = Box<dyn FnOnce(Option<&str>) + Send>;

pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Self, StoreFault> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = thread::Builder::new()
            .name("runs".to_owned())
            .spawn(move || serve(&connection, waiting))
            .map_err(|error| StoreFault::Io(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does something, alone or together with others. It is durable when this returns, or nothing of it is there.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let done = alone(connection, work);
            Box::new(move |failed| {
                let done = match failed {
                    None => done,
                    Some(why) => done.and_then(|_| Err(StoreFault::Io(why.to_owned()))),
                };
                // Whoever asked may have gone away.
                let _ = reply.send(done);
            })
        });
        let jobs = self.jobs.as_ref().ok_or(StoreFault::Closed)?;
        jobs.send(job).await.map_err(|_| StoreFault::Closed)?;
        answer.await.map_err(|_| StoreFault::Closed)?
    }
}

impl Drop for Writer {
    /// Waits for what was begun.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, whoever waited for it was told.
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.blocking_recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut done = vec![first(connection)];
        while let Ok(job) = waiting.try_recv() {
            done.push(job(connection));
        }
        let ended = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if ended.is_err() && !connection.is_autocommit() {
            // There is nobody to tell that this failed as well; the next transaction will.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let failed = ended.err().map(|error| error.to_string());
        for done in done {
            done(failed.as_deref());
        }
    }
}

/// One job of a transaction: if it fails nothing of it stays, and the others are not disturbed.
fn alone<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreFault>,
) -> Result<T, StoreFault> {
    if connection.is_autocommit() {
        return Err(StoreFault::Io("no transaction could be begun".to_owned()));
    }
    connection.execute_batch("SAVEPOINT job").map_err(fault::of)?;
    let done = work(connection);
    let end = if done.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    connection.execute_batch(end).map_err(fault::of)?;
    done
}
