//! The one thread that writes. Whatever gathers while it waits for the disk becomes one transaction.

use std::thread::{self, JoinHandle};

use lightship_engine::StoreFault;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::fault;

/// Jobs that wait; whoever has another one waits until there is room.
const WAITING: usize = 256;

/// What is done inside of a transaction.
type Job = Box<dyn FnOnce(&Connection) -> Ran + Send>;

/// A job that was done as far as the transaction goes.
struct Ran {
    /// Why it failed, if it did.
    fault: Option<StoreFault>,
    /// Called when the transaction has ended, with the reason for which nothing of it is there.
    tell: Tell,
}

/// Answers whoever waits for a job.
type Tell = Box<dyn FnOnce(Option<&StoreFault>) + Send>;

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
            let fault = done.as_ref().err().cloned();
            let tell = Box::new(move |lost: Option<&StoreFault>| {
                // What failed for all goes before what one of them made of it.
                let done = lost.map_or(done, |fault| Err(fault.clone()));
                // Whoever asked may have gone away.
                let _ = reply.send(done);
            });
            Ran { fault, tell }
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
        let mut lost = connection.execute_batch("BEGIN IMMEDIATE").err().map(fault::of);
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            let ran = job(connection);
            // A full disk, say, ends the whole transaction, and takes what others did before with it.
            if lost.is_none() && connection.is_autocommit() {
                lost = Some(ran.fault.unwrap_or_else(rolled_back));
            }
            done.push(ran.tell);
            next = waiting.try_recv().ok();
        }
        if lost.is_none() {
            lost = connection.execute_batch("COMMIT").err().map(fault::of);
        }
        if !connection.is_autocommit() {
            // There is nobody to tell that this failed as well; the next transaction will.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for tell in done {
            tell(lost.as_ref());
        }
    }
}

fn rolled_back() -> StoreFault {
    StoreFault::Io("the transaction was given up".to_owned())
}

/// One job of a transaction: if it fails nothing of it stays, and the others are not disturbed.
fn alone<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreFault>,
) -> Result<T, StoreFault> {
    if connection.is_autocommit() {
        return Err(rolled_back());
    }
    connection.execute_batch("SAVEPOINT job").map_err(fault::of)?;
    match work(connection) {
        Ok(done) => {
            connection.execute_batch("RELEASE job").map_err(fault::of)?;
            Ok(done)
        }
        Err(fault) => {
            // Where the failure has ended the transaction there is no savepoint; why is what counts.
            let _ = connection.execute_batch("ROLLBACK TO job; RELEASE job");
            Err(fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(folder: &tempfile::TempDir) -> Connection {
        let connection = Connection::open(folder.path().join("x.db")).unwrap();
        let setup = "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (x BLOB);";
        connection.execute_batch(setup).unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        connection
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    async fn insert(writer: &Writer, bytes: i64) -> Result<usize, StoreFault> {
        let insert = "INSERT INTO t VALUES (zeroblob(?1))";
        writer.write(move |db| db.execute(insert, [bytes]).map_err(fault::of)).await
    }

    #[test]
    fn a_full_disk_is_told_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let connection = file(&folder);
        connection.execute_batch("PRAGMA max_page_count = 20;").unwrap();
        let writer = Writer::start(connection).unwrap();
        block_on(async {
            assert_eq!(insert(&writer, 1000).await, Ok(1));
            assert_eq!(insert(&writer, 1 << 20).await, Err(StoreFault::Full));
            assert_eq!(insert(&writer, 1000).await, Ok(1), "a smaller one has room");
        });
        drop(writer);
        let rows = file(&folder).query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(rows, Ok(2));
    }

    #[test]
    fn who_cannot_begin_is_told_why() {
        let folder = tempfile::tempdir().unwrap();
        let (other, connection) = (file(&folder), file(&folder));
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let writer = Writer::start(connection).unwrap();
        block_on(async {
            let StoreFault::Io(why) = insert(&writer, 1).await.unwrap_err() else { panic!() };
            assert!(why.contains("locked"), "{why}");
            other.execute_batch("ROLLBACK").unwrap();
            assert_eq!(insert(&writer, 1).await, Ok(1));
        });
    }

    #[test]
    fn what_fails_when_all_of_it_ends_is_nobodys_success() {
        let folder = tempfile::tempdir().unwrap();
        let connection = file(&folder);
        let setup = "PRAGMA foreign_keys = ON; CREATE TABLE a (x INTEGER PRIMARY KEY);
            CREATE TABLE b (x INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED);";
        connection.execute_batch(setup).unwrap();
        let writer = Writer::start(connection).unwrap();
        let done = block_on(
            writer.write(|db| db.execute("INSERT INTO b VALUES (1)", []).map_err(fault::of)),
        );
        assert!(matches!(done, Err(StoreFault::Io(why)) if why.contains("FOREIGN KEY")));
    }
}
