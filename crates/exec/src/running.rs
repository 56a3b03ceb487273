//! A command that runs, whatever is between it and this machine.

use std::os::fd::BorrowedFd;

use lightship_engine::{Failure, Reason, Stop};
use lightship_ir::exchange::Produced;
use lightship_sandbox::{End, Held, Sandbox, Signaller};

use crate::attempt::{Attempt, collect, room, settle};
use crate::copy::Budget;
use crate::process;
use crate::sandbox;

/// A command that runs.
pub(crate) enum Running {
    Sandbox(Box<Sandbox>),
    Process(Box<process::Running>),
}

/// Ends a command, also from another thread.
pub(crate) enum Stopper {
    Sandbox(Signaller),
    Process(process::Stopper),
}

/// *signal(7)*.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

impl Running {
    pub(crate) fn stopper(&self) -> Stopper {
        match self {
            Self::Sandbox(sandbox) => Stopper::Sandbox(sandbox.signaller()),
            Self::Process(process) => Stopper::Process(process.stopper()),
        }
    }

    /// Waits for its end, and says what it gave. What is left of it is cleared away when that is dropped.
    pub(crate) fn wait(self, attempt: &Attempt) -> Result<(Produced, Option<Held>), Failure> {
        match self {
            Self::Sandbox(running) => sandbox::wait(*running, attempt),
            Self::Process(running) => running.wait().map(|produced| (produced, None)),
        }
    }
}

impl Stopper {
    pub(crate) fn stop(&self, how: Stop) {
        match self {
            Self::Sandbox(signaller) => signaller.send(match how {
                Stop::Ask => SIGTERM,
                Stop::Kill => SIGKILL,
            }),
            Self::Process(stopper) => stopper.stop(how),
        }
    }
}

/// What a task gave that ended well. `view` is its root, as it saw it.
pub(crate) fn gather(attempt: &Attempt, view: Option<BorrowedFd<'_>>) -> Result<Produced, Failure> {
    let mut produced = collect(attempt)?;
    let mut budget = Budget::of(room(&attempt.folders.root).bytes());
    settle(attempt, &mut produced, view, &mut budget)?;
    Ok(produced)
}

/// How a command ended that did not end well.
pub(crate) fn failure(end: End) -> Failure {
    let reason = match end {
        End::Exited(code) => Reason::Exit(code.into()),
        End::Signalled(signal) => Reason::Signal(signal.into()),
        End::OutOfTime(_) => Reason::Deadline,
        End::OutOfMemory | End::OutOfProcesses(_) => Reason::Memory,
        End::OutOfDisk(_) => Reason::Disk,
    };
    Failure::new(reason, format!("its command {end}"))
}
