//! The loop that drives one run.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use lightship_base::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::attempt::{self, Ended, Prepared};
use super::launch::need;
use super::room::{Need, Permit};
use super::{DriveError, Point, Replay, RunHandle, Shared};
use crate::cache::{CacheEntry, CacheRules, Lookup};
use crate::event::{Event, Notice, Outputs, Recorded};
use crate::executor::Launch;
use crate::id::{AttemptId, AttemptNumber, NodeId, Seq};
use crate::machine::{Command, Illegal, Outstanding, State};
use crate::run::Header;
use crate::state::{Failure, Reason, RunState};
use crate::store::{Batch, Record, Use};

/// Messages that wait for a loop. Attempts that have more to tell wait until there is room.
const MESSAGES: usize = 4096;

/// Notices that wait for those who look on; whoever is slower reads them from the store.
const NOTICES: usize = 8192;

/// The longest that a loop sleeps: a timer further away is looked at again then.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

/// What a loop hears.
pub(super) enum Message {
    /// The cache was asked for a task.
    Prepared { launch: Box<Launch>, prepared: Prepared },
    /// An attempt ended.
    Ended { attempt: AttemptId, ended: Ended },
    /// Somebody wants something.
    Request { event: Box<Event>, reply: oneshot::Sender<Result<(), Illegal>> },
    /// There may be room for another attempt.
    Room,
    /// A test wants it to halt.
    Halt(Point),
}

/// What is done when it is durable that it should be.
pub(super) enum Act {
    Start(Box<Launch>),
    Stop(AttemptId),
    Forget(AttemptId),
    Reply(oneshot::Sender<Result<(), Illegal>>),
}

/// A task that is about to start, or an attempt that runs.
pub(super) struct InFlight {
    /// None while the cache is asked.
    pub(super) attempt: Option<AttemptNumber>,
    pub(super) permit: Option<Permit>,
    pub(super) lookup: Option<Box<Lookup>>,
}

/// A run and all that goes on for it.
pub(super) struct RunLoop {
    pub(super) shared: Arc<Shared>,
    pub(super) header: Arc<Header>,
    pub(super) state: State,
    last: Seq,
    latest: Timestamp,
    /// What will be durable next.
    batch: Vec<Record>,
    /// What will be done then.
    pub(super) acts: Vec<Act>,
    /// Tasks that may start, in order.
    pub(super) line: VecDeque<NodeId>,
    pub(super) passed_by: u32,
    /// What somebody wanted to run again: it runs, whatever the cache knows.
    again: Option<NodeId>,
    pub(super) in_flight: HashMap<NodeId, InFlight>,
    timers: BTreeSet<(Timestamp, NodeId)>,
    deadline: Option<Timestamp>,
    /// All that goes on beside the loop, and ends with it.
    pub(super) beside: JoinSet<()>,
    pub(super) sender: mpsc::Sender<Message>,
    receiver: mpsc::Receiver<Message>,
    notices: broadcast::Sender<Arc<Notice>>,
}

impl RunLoop {
    pub(super) fn new(shared: Arc<Shared>, known: Replay) -> (Self, RunHandle) {
        let Replay { header, state, last, notices: past } = known;
        let again = past.iter().rev().find_map(|notice| named_again(&notice.recorded.event));
        let (sender, receiver) = mpsc::channel(MESSAGES);
        let (notices, _) = broadcast::channel(NOTICES);
        let handle = RunHandle {
            run: header.id.clone(),
            since: last,
            requests: sender.clone(),
            notices: notices.downgrade(),
            store: Arc::clone(&shared.world.store),
            ended: None,
        };
        let this = Self {
            latest: past.last().map_or(header.created, |notice| notice.recorded.at),
            again,
            shared,
            header,
            state,
            last,
            batch: Vec::new(),
            acts: Vec::new(),
            line: VecDeque::new(),
            passed_by: 0,
            in_flight: HashMap::new(),
            timers: BTreeSet::new(),
            deadline: None,
            beside: JoinSet::new(),
            sender,
            receiver,
            notices,
        };
        (this, handle)
    }

    /// Takes up what is outstanding, makes the first event durable, and leaves the rest to a task of its own.
    pub(super) async fn begin(
        mut self,
        first: Option<Event>,
        mut handle: RunHandle,
    ) -> Result<RunHandle, DriveError> {
        self.take_up().await?;
        if let Some(first) = first {
            self.again = named_again(&first).or(self.again);
            self.take(first)?;
        }
        let limit = self.state.plan().config.deadline;
        let limit = limit.and_then(|limit| jiff::SignedDuration::try_from(limit).ok());
        let begun = self.state.begun_at();
        self.deadline = limit.and_then(|limit| begun?.checked_add(limit).ok());
        self.commit().await?;
        handle.ended = Some(tokio::spawn(self.drive()));
        Ok(handle)
    }

    /// What was left when Lightship ended.
    async fn take_up(&mut self) -> Result<(), DriveError> {
        let outstanding = self.state.outstanding();
        if outstanding.is_empty() {
            return Ok(());
        }
        let found = self.shared.world.executor.find(&self.header.id).await;
        for each in outstanding {
            match each {
                Outstanding::Start(node) => self.line.push_back(node),
                Outstanding::Wait(node, until) => drop(self.timers.insert((until, node))),
                Outstanding::Attempt(node, attempt) => {
                    let id = AttemptId { run: self.header.id.clone(), node, attempt };
                    if found.contains(&id) {
                        self.watch_again(id);
                    } else {
                        self.take(Event::Lost { node, attempt })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn watch_again(&mut self, id: AttemptId) {
        let node = id.node;
        let launch = self.state.task(node).and_then(|task| self.launch(node, task).ok());
        let permit = self.shared.room.take_anyhow(launch.as_ref().map_or(Need::default(), need));
        let attempt = Some(id.attempt);
        self.in_flight.insert(node, InFlight { attempt, permit: Some(permit), lookup: None });
        if self.state.is_stopping(node) {
            self.acts.push(Act::Stop(id.clone()));
        }
        // Nobody knows how much of it is left, so it has all of it again.
        let task = launch.as_ref().map(|launch| &launch.plan.tasks[launch.task]);
        let deadline = task.and_then(|task| task.kubernetes.as_ref()?.deadline);
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        self.beside.spawn(async move {
            let ended = attempt::watch(&shared, &id, deadline).await;
            let _ = sender.send(Message::Ended { attempt: id, ended }).await;
        });
    }

    async fn drive(mut self) -> Result<RunState, DriveError> {
        loop {
            self.ring()?;
            self.schedule()?;
            self.commit().await?;
            self.act();
            if self.state.run_state().is_final() {
                return Ok(self.state.run_state());
            }
            self.hear().await?;
        }
    }

    /// What follows from the time.
    fn ring(&mut self) -> Result<(), DriveError> {
        let now = self.now();
        while let Some((until, node)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(until, node));
            // One that was cancelled meanwhile does not wait any more.
            if self.state.task_state(node) == Some(crate::TaskState::Backoff) {
                self.take(Event::Waited { node })?;
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            match self.take(Event::DeadlinePassed) {
                // It is being cancelled, which ends it as well.
                Ok(()) | Err(DriveError::Illegal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until something is heard or the time has come, and takes all that is there.
    async fn hear(&mut self) -> Result<(), DriveError> {
        let next = self.timers.first().map(|(at, _)| *at).into_iter().chain(self.deadline).min();
        let sleep = next.map_or(LONGEST_SLEEP, |at| {
            let left = at.duration_since(self.shared.world.clock.now());
            Duration::try_from(left).unwrap_or_default().min(LONGEST_SLEEP)
        });
        let mut message = timeout(sleep, self.receiver.recv()).await.unwrap_or_default();
        let mut heard = 0;
        while let Some(next) = message {
            self.message(next)?;
            heard += 1;
            message = if heard < MESSAGES { self.receiver.try_recv().ok() } else { None };
        }
        Ok(())
    }

    fn message(&mut self, message: Message) -> Result<(), DriveError> {
        match message {
            Message::Room => Ok(()),
            Message::Halt(point) => Err(DriveError::Halted(point)),
            Message::Prepared { launch, prepared } => self.prepared(*launch, prepared),
            Message::Ended { attempt, ended } => self.ended(attempt, ended),
            Message::Request { event, reply } => {
                match self.take(*event) {
                    Ok(()) => self.acts.push(Act::Reply(reply)),
                    Err(DriveError::Illegal(illegal)) => drop(reply.send(Err(illegal))),
                    Err(error) => return Err(error),
                }
                Ok(())
            }
        }
    }

    fn ended(&mut self, id: AttemptId, ended: Ended) -> Result<(), DriveError> {
        let (node, attempt) = (id.node, id.attempt);
        if self.shared.halts(Point::BeforeOutcome, &id) {
            return Err(DriveError::Halted(Point::BeforeOutcome));
        }
        let Some(flight) = self.in_flight.remove(&node) else { return Ok(()) };
        let stopping = self.state.is_stopping(node);
        let event = match ended {
            Ended::Succeeded(outputs) => {
                let result = flight.lookup.map(|lookup| self.result(node, *lookup, &outputs));
                let event = Event::Succeeded { node, attempt, outputs };
                self.acts.push(Act::Forget(id));
                return self.take_with(event, Vec::new(), result);
            }
            // Who is told to stop may say so by failing.
            Ended::Failed(_) | Ended::Stopped | Ended::Lost if stopping => {
                Event::Stopped { node, attempt }
            }
            Ended::Failed(failure) => Event::Failed { node, attempt, failure },
            Ended::Stopped => {
                let failure = Failure::new(Reason::Executor, "something else stopped it");
                Event::Failed { node, attempt, failure }
            }
            // Nothing came between that could have ended it with Lightship: who loses attempts while this goes on may
            // lose every one, so they count like any that failed.
            Ended::Lost => {
                let failure = Failure::new(
                    Reason::Executor,
                    "what ran it is gone, and how it ended is not known",
                );
                Event::Failed { node, attempt, failure }
            }
        };
        self.acts.push(Act::Forget(id));
        self.take(event)
    }

    fn result(&self, node: NodeId, lookup: Lookup, outputs: &Outputs) -> Box<CacheEntry> {
        let plan = self.state.plan();
        let task = self.state.task(node);
        Box::new(CacheEntry {
            key: lookup.key,
            parts: lookup.parts,
            pipeline: plan.name.clone(),
            task: task.map(|task| plan.component_of(task).name.clone()).unwrap_or_default(),
            run: self.header.id.clone(),
            node,
            created: self.now(),
            outputs: outputs.clone(),
        })
    }

    /// Whether results of earlier runs will do for a task. Not where somebody wants it, or a graph around it, again.
    pub(super) fn cache_rules(&self, node: NodeId) -> CacheRules {
        let above = std::iter::successors(Some(node), |node| self.state.parent(*node));
        if self.again.is_some_and(|again| above.into_iter().any(|node| node == again)) {
            return CacheRules::Off;
        }
        self.header.options.cache.clone()
    }

    /// Tells the machine, and notes what follows.
    pub(super) fn take(&mut self, event: Event) -> Result<(), DriveError> {
        self.take_with(event, Vec::new(), None)
    }

    pub(super) fn take_with(
        &mut self,
        event: Event,
        uses: Vec<Use>,
        result: Option<Box<CacheEntry>>,
    ) -> Result<(), DriveError> {
        let at = self.now();
        let effects = self.state.step(at, &event)?;
        self.latest = at;
        self.last = self.last.next();
        for command in effects.commands {
            match command {
                Command::Start(node) => self.line.push_back(node),
                Command::Wait(node, until) => drop(self.timers.insert((until, node))),
                Command::Stop(node, attempt) => {
                    let run = self.header.id.clone();
                    self.acts.push(Act::Stop(AttemptId { run, node, attempt }));
                }
                Command::Finished(_) => {}
            }
        }
        let recorded = Recorded { seq: self.last, at, event };
        let run = self.header.id.clone();
        let notice = Arc::new(Notice { run, recorded, changes: effects.changes });
        self.batch.push(Record { notice, uses, result });
        Ok(())
    }

    /// The present moment, which never goes back within a run.
    fn now(&self) -> Timestamp {
        self.shared.world.clock.now().max(self.latest)
    }

    /// Makes all that was noted durable, and tells those who look on.
    async fn commit(&mut self) -> Result<(), DriveError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.batch);
        let notices: Vec<Arc<Notice>> = records.iter().map(|r| Arc::clone(&r.notice)).collect();
        let batch = Batch { run: self.header.id.clone(), records };
        self.shared.world.store.append(batch).await?;
        for notice in notices {
            self.check_points(&notice.recorded.event)?;
            // Nobody may be looking.
            let _ = self.notices.send(notice);
        }
        Ok(())
    }

    fn check_points(&self, event: &Event) -> Result<(), DriveError> {
        if self.shared.world.probe.is_none() {
            return Ok(());
        }
        let Some((node, attempt)) = event.attempt() else { return Ok(()) };
        // Nobody knows when one was lost.
        if matches!(event, Event::Lost { .. }) {
            return Ok(());
        }
        let intent = matches!(event, Event::Starting { .. });
        let point = if intent { Point::AfterIntent } else { Point::AfterOutcome };
        let id = AttemptId { run: self.header.id.clone(), node, attempt };
        if self.shared.halts(point, &id) { Err(DriveError::Halted(point)) } else { Ok(()) }
    }

    /// Does what is durable now.
    fn act(&mut self) {
        let mut forget = Vec::new();
        for act in std::mem::take(&mut self.acts) {
            match act {
                Act::Start(launch) => self.start(*launch),
                Act::Stop(id) => {
                    let shared = Arc::clone(&self.shared);
                    self.beside.spawn(async move { attempt::stop(&shared, &id).await });
                }
                Act::Forget(id) => forget.push(id),
                // Whoever asked may have gone away.
                Act::Reply(reply) => drop(reply.send(Ok(()))),
            }
        }
        if !forget.is_empty() {
            let executor = Arc::clone(&self.shared.world.executor);
            // Not one of those that end with the loop: it may be the last thing that it does.
            tokio::spawn(async move {
                for id in &forget {
                    executor.forget(id).await;
                }
            });
        }
        while self.beside.try_join_next().is_some() {}
    }

    fn start(&mut self, launch: Launch) {
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        self.beside.spawn(async move {
            let ended = attempt::run(&shared, &launch, &sender).await;
            let _ = sender.send(Message::Ended { attempt: launch.id, ended }).await;
        });
    }
}

/// The place that somebody wants again, if that is what happened.
fn named_again(event: &Event) -> Option<NodeId> {
    if let Event::RerunRequested { node, .. } = event { Some(*node) } else { None }
}
