//! Who is next.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attempt::{Prepared, prepare};
use super::launch::{need, uses};
use super::room::Permit;
use super::run::{Act, InFlight, Message, RunLoop};
use super::{DriveError, Point};
use crate::cache::{CacheEntry, Lookup};
use crate::event::{Content, Event};
use crate::executor::Launch;
use crate::state::TaskState;
use crate::store::Use;

/// How far down the line somebody may be who is taken because the first does not fit.
const REACH: usize = 32;

/// How often the first may be passed by before all others wait as well: else a large task among many small ones would
/// wait for ever.
const PATIENCE: u32 = 64;

impl RunLoop {
    /// Takes as many from the line as there is room for.
    pub(super) fn schedule(&mut self) -> Result<(), DriveError> {
        let most = self.header.options.max_parallel.map_or(usize::MAX, |most| most.max(1) as usize);
        while self.state.may_start() && self.in_flight.len() < most {
            let Some((launch, permit)) = self.next_launch()? else {
                if !self.line.is_empty() {
                    self.shared.room.tell(self.sender.downgrade());
                }
                return Ok(());
            };
            let task = &launch.plan.tasks[launch.task];
            if task.caching.enabled {
                self.look_up(launch, permit);
            } else {
                self.intend(launch, permit, None)?;
            }
        }
        Ok(())
    }

    /// The first in the line for which there is room.
    fn next_launch(&mut self) -> Result<Option<(Launch, Permit)>, DriveError> {
        let mut at = 0;
        if self.shared.room.is_full() {
            return Ok(None);
        }
        while at < self.line.len().min(REACH) {
            let node = self.line[at];
            let free = self.state.task_state(node) == Some(TaskState::Ready)
                && !self.in_flight.contains_key(&node);
            let task = self.state.task(node).filter(|_| free);
            let Some(task) = task else {
                self.line.remove(at);
                continue;
            };
            let launch = match self.launch(node, task) {
                Ok(launch) => launch,
                Err(failure) => {
                    self.line.remove(at);
                    let attempt = self.state.next_attempt(node);
                    self.take(Event::Starting { node, attempt, lookup: None })?;
                    self.take(Event::Failed { node, attempt, failure: *failure })?;
                    continue;
                }
            };
            if let Some(permit) = self.shared.room.take(need(&launch)) {
                self.line.remove(at);
                self.passed_by = if at == 0 { 0 } else { self.passed_by + 1 };
                return Ok(Some((launch, permit)));
            }
            if self.passed_by >= PATIENCE {
                return Ok(None);
            }
            at += 1;
        }
        Ok(None)
    }

    /// Has the cache asked, beside the loop.
    fn look_up(&mut self, launch: Launch, permit: Permit) {
        let node = launch.id.node;
        let uris = launch.inputs.artifacts.values().flatten().map(|artifact| &artifact.uri);
        let known: BTreeMap<String, Content> =
            uris.filter_map(|uri| Some((uri.clone(), *self.state.content(uri)?))).collect();
        let (shared, rules) = (Arc::clone(&self.shared), self.cache_rules(node));
        let sender = self.sender.clone();
        self.in_flight.insert(node, InFlight { attempt: None, permit: Some(permit), lookup: None });
        self.beside.spawn(async move {
            let prepared = prepare(&shared, &launch, &rules, known).await;
            let launch = Box::new(launch);
            let _ = sender.send(Message::Prepared { launch, prepared }).await;
        });
    }

    /// The cache has answered.
    pub(super) fn prepared(
        &mut self,
        launch: Launch,
        prepared: Prepared,
    ) -> Result<(), DriveError> {
        let node = launch.id.node;
        let waits = self.in_flight.get(&node).is_some_and(|known| known.attempt.is_none());
        let permit = if waits { self.in_flight.remove(&node) } else { None };
        let permit = permit.and_then(|known| known.permit);
        let is_ready = self.state.task_state(node) == Some(TaskState::Ready)
            && self.state.next_attempt(node) == launch.id.attempt;
        match (permit, prepared) {
            // It was cancelled meanwhile.
            (None, _) => Ok(()),
            (Some(_), _) if !is_ready => Ok(()),
            // It was paused meanwhile, and goes to the end of the line.
            (Some(_), _) if !self.state.may_start() => {
                self.line.push_back(node);
                Ok(())
            }
            (Some(_), Prepared::Hit(entry)) => {
                let CacheEntry { outputs, run: from, .. } = *entry;
                let uses = uses(node, &launch.inputs);
                self.take_with(Event::Cached { node, outputs: Arc::new(outputs), from }, uses, None)
            }
            (Some(permit), Prepared::Miss(lookup)) => self.intend(launch, permit, lookup),
        }
    }

    /// Writes that an attempt is about to start; it does when that is durable.
    fn intend(
        &mut self,
        launch: Launch,
        permit: Permit,
        lookup: Option<Box<Lookup>>,
    ) -> Result<(), DriveError> {
        if self.shared.halts(Point::BeforeIntent, &launch.id) {
            return Err(DriveError::Halted(Point::BeforeIntent));
        }
        let (node, attempt) = (launch.id.node, launch.id.attempt);
        let used: Vec<Use> = uses(node, &launch.inputs);
        let kept = lookup.clone();
        self.take_with(Event::Starting { node, attempt, lookup }, used, None)?;
        let flight = InFlight { attempt: Some(attempt), permit: Some(permit), lookup: kept };
        self.in_flight.insert(node, flight);
        self.acts.push(Act::Start(Box::new(launch)));
        Ok(())
    }
}
