//! What other processes want of the one that drives a run.
//!
//! Whoever drives a run holds it alone, so all others leave a request. A request goes in the very transaction in which
//! the event is kept that answers it: it is never lost, and never answered twice, whenever somebody is killed. What
//! nobody has answered when the run ends, or when somebody makes it run again, goes as well: it was meant for what is
//! over.

use lightship_base::Timestamp;
use lightship_engine::{Change, Event, Notice, Pending, RunId, StoreError, StoreFault};
use rusqlite::{Connection, params};

use crate::time::number;
use crate::{SqliteStore, fault, read, runs};

/// What somebody wants of who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// That the run ends.
    Cancel,
    /// That nothing more starts.
    Pause,
    /// That it goes on after a pause.
    Unpause,
}

impl Wish {
    const ALL: [Self; 3] = [Self::Cancel, Self::Pause, Self::Unpause];

    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
        }
    }

    /// What an event answers.
    fn answered_by(event: &Event) -> Option<Self> {
        match event {
            Event::CancelRequested => Some(Self::Cancel),
            Event::PauseRequested => Some(Self::Pause),
            Event::ResumeRequested => Some(Self::Unpause),
            Event::Begun
            | Event::Starting { .. }
            | Event::Cached { .. }
            | Event::Succeeded { .. }
            | Event::Failed { .. }
            | Event::Stopped { .. }
            | Event::Lost { .. }
            | Event::Waited { .. }
            | Event::DeadlinePassed
            | Event::RetryRequested
            | Event::RerunRequested { .. } => None,
        }
    }
}

/// A request that nobody has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its number; no other one ever has it.
    pub number: i64,
    /// What is wanted.
    pub wish: Wish,
}

impl SqliteStore {
    /// Leaves a request for who drives a run.
    pub fn ask<'a>(
        &'a self,
        run: &'a RunId,
        wish: Wish,
        at: Timestamp,
    ) -> Pending<'a, Result<Request, StoreError>> {
        let run = run.clone();
        self.write("leave a request", move |db| {
            let (run, _) = runs::find(db, &run)?.ok_or(StoreFault::NoSuchRun)?;
            let insert = "INSERT INTO requests (run, wish, at) VALUES (?1, ?2, ?3)";
            db.execute(insert, params![run, wish.name(), number(at)]).map_err(fault::of)?;
            Ok(Request { number: db.last_insert_rowid(), wish })
        })
    }

    /// The requests of a run that nobody has answered, in the order in which they were made.
    pub fn requests<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<Vec<Request>, StoreError>> {
        let run = run.clone();
        self.read("read requests", move |db| {
            let select = "SELECT q.number, q.wish FROM requests q JOIN runs r ON r.number = q.run
                          WHERE r.id = ?1 ORDER BY q.number";
            read::all(db, select, [run.as_str()], |row| {
                let name: String = row.get(1).map_err(fault::of)?;
                let wish = Wish::ALL.into_iter().find(|wish| wish.name() == name);
                let wrong = || fault::damaged(format!("`{name}` is no request"));
                let number = row.get(0).map_err(fault::of)?;
                Ok(Request { number, wish: wish.ok_or_else(wrong)? })
            })
        })
    }

    /// Takes back a request, or refuses it: what is wanted cannot happen where the run stands.
    pub fn withdraw(&self, request: Request) -> Pending<'_, Result<(), StoreError>> {
        self.write("take back a request", move |db| {
            let delete = "DELETE FROM requests WHERE number = ?1";
            db.execute(delete, [request.number]).map(drop).map_err(fault::of)
        })
    }
}

/// Takes away the requests that a notice answers, or makes pointless.
pub(crate) fn answer(db: &Connection, run: i64, notice: &Notice) -> Result<(), StoreFault> {
    let event = &notice.recorded.event;
    let over = notice.changes.iter().any(|change| match change {
        Change::Run(state) => state.is_final(),
        Change::Created { .. }
        | Change::State { .. }
        | Change::Failed { .. }
        | Change::Dropped { .. } => false,
    });
    let anew = matches!(event, Event::RetryRequested | Event::RerunRequested { .. });
    let done = match Wish::answered_by(event) {
        _ if over || anew => db.execute("DELETE FROM requests WHERE run = ?1", [run]),
        // Only the first: after a pause and its end there may be another pause.
        Some(wish) => {
            let delete = "DELETE FROM requests WHERE number =
                (SELECT min(number) FROM requests WHERE run = ?1 AND wish = ?2)";
            db.execute(delete, params![run, wish.name()])
        }
        None => return Ok(()),
    };
    done.map(drop).map_err(fault::of)
}
