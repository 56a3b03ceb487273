//! A copy of this process that does one thing where this one must not go, says what came of it, and ends.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
use rustix::process::{Pid, WaitOptions, waitpid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Attempt as _, Failure};
use crate::sys::{self, Fork, Namespaces};
use crate::wire;

/// An answer, and descriptors beside it.
pub(crate) type Answer<T> = (T, Vec<OwnedFd>);

/// A copy on its way. It waits until it is let go.
pub(crate) struct Errand {
    /// The copy.
    pub(crate) process: Pid,
    socket: OwnedFd,
    what: &'static str,
}

impl Errand {
    /// Sends a copy into new namespaces, or with none (0) into its own. `what` it is for is an infinitive
    /// with its object.
    pub(crate) fn begin<T: Serialize>(
        what: &'static str,
        namespaces: Namespaces,
        work: impl FnOnce() -> Result<Answer<T>, Failure>,
    ) -> Result<Self, Failure> {
        let attempt = || what.to_owned();
        let (socket, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .attempt(attempt)?;
        let cloned = match namespaces {
            0 => sys::fork().attempt(attempt),
            _ => sys::clone_into(namespaces).map_err(|error| Failure::no_namespaces(&error)),
        };
        match cloned? {
            Fork::Child => {
                drop(socket);
                if matches!(wire::receive::<()>(&theirs), Ok(Some(_))) {
                    tell(&theirs, work());
                }
                sys::exit_now(0)
            }
            Fork::Parent(process) => Ok(Self { process, socket, what }),
        }
    }

    /// Lets it go if all is `ready`, and waits for its answer and its end.
    pub(crate) fn finish<T: DeserializeOwned>(
        self,
        ready: Result<(), Failure>,
    ) -> Result<Answer<T>, Failure> {
        let attempt = || self.what.to_owned();
        let answer = ready.and_then(|()| {
            wire::send(&self.socket, &(), &[]).attempt(attempt)?;
            wire::receive::<Result<T, Failure>>(&self.socket).attempt(attempt)
        });
        // One that was not let go must not wait for ever.
        let _ = shutdown(&self.socket, Shutdown::Both);
        let _ = rustix::io::retry_on_intr(|| waitpid(Some(self.process), WaitOptions::empty()));
        match answer? {
            Some((outcome, fds)) => outcome.map(|outcome| (outcome, fds)),
            None => Err(Failure::machine(self.what, "the process for it was killed")),
        }
    }
}

/// The whole way, for an errand that needs no preparation from outside.
pub(crate) fn run<T: Serialize + DeserializeOwned>(
    what: &'static str,
    work: impl FnOnce() -> Result<Answer<T>, Failure>,
) -> Result<Answer<T>, Failure> {
    Errand::begin(what, 0, work)?.finish(Ok(()))
}

fn tell<T: Serialize>(socket: &OwnedFd, answer: Result<Answer<T>, Failure>) {
    let (outcome, fds) = match answer {
        Ok((outcome, fds)) => (Ok(outcome), fds),
        Err(failure) => (Err(failure), Vec::new()),
    };
    let beside: Vec<BorrowedFd<'_>> = fds.iter().map(OwnedFd::as_fd).collect();
    // A caller that is gone does not need the answer.
    let _ = wire::send(socket, &outcome, &beside);
}
