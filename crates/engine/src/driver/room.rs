//! How much may run at the same time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::WeakSender;

use super::Settings;
use super::run::Message;

/// What one attempt takes, or all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Thousandths.
    pub(super) cpu: u64,
    /// Bytes.
    pub(super) memory: u64,
}

/// What all runs of a driver share.
pub(super) struct Room {
    settings: Settings,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    need: Need,
    attempts: u32,
    /// Runs that found no room: they are told when there is some.
    waiting: Vec<WeakSender<Message>>,
}

/// Room that an attempt has, until it is dropped.
pub(super) struct Permit {
    room: Arc<Room>,
    need: Need,
}

impl Room {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, taken: Mutex::default() }
    }

    /// Room for an attempt, if there is some.
    pub(super) fn take(self: &Arc<Self>, need: Need) -> Option<Permit> {
        let need = self.bounded(need);
        let mut taken = self.taken();
        let fits = taken.attempts < self.settings.attempts.max(1)
            && taken.need.cpu + need.cpu <= self.settings.cpu.0
            && taken.need.memory + need.memory <= self.settings.memory.0;
        if !fits {
            return None;
        }
        taken.add(need);
        drop(taken);
        Some(Permit { room: Arc::clone(self), need })
    }

    /// Whether there is none, whatever somebody needs.
    pub(super) fn is_full(&self) -> bool {
        self.taken().attempts >= self.settings.attempts.max(1)
    }

    /// Tells a run when something ends, once.
    pub(super) fn tell(&self, run: WeakSender<Message>) {
        self.taken().waiting.push(run);
    }

    /// Room for an attempt that runs already.
    pub(super) fn take_anyhow(self: &Arc<Self>, need: Need) -> Permit {
        let need = self.bounded(need);
        self.taken().add(need);
        Permit { room: Arc::clone(self), need }
    }

    /// What asks for more than there is gets all there is; else it would wait for ever.
    fn bounded(&self, need: Need) -> Need {
        let (cpu, memory) = (self.settings.cpu.0, self.settings.memory.0);
        Need { cpu: need.cpu.min(cpu), memory: need.memory.min(memory) }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, need: Need) {
        self.attempts += 1;
        self.need.cpu += need.cpu;
        self.need.memory += need.memory;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.attempts -= 1;
        taken.need.cpu -= self.need.cpu;
        taken.need.memory -= self.need.memory;
        let waiting = std::mem::take(&mut taken.waiting);
        drop(taken);
        // One whose channel is full is about to look anyhow.
        for sender in waiting.iter().filter_map(WeakSender::upgrade) {
            let _ = sender.try_send(Message::Room);
        }
    }
}
