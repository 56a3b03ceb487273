//! The files of a command that has ended, as long as somebody looks at them.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use crate::{Error, Outcome, Sandbox};

/// A command that has ended. Its files are still there if it ended well and was asked to hold them.
#[derive(Debug)]
pub struct Held {
    root: Option<OwnedFd>,
    sandbox: Sandbox,
}

impl Held {
    pub(crate) fn new(root: Option<OwnedFd>, sandbox: Sandbox) -> Self {
        Self { root, sandbox }
    }

    /// Its root folder with everything that is mounted below, as the command saw it; nothing in it runs any more. Paths
    /// in it were written by the command: resolve them inside (`openat2(2)`, `RESOLVE_IN_ROOT`).
    pub fn root(&self) -> Option<BorrowedFd<'_>> {
        self.root.as_ref().map(OwnedFd::as_fd)
    }

    /// Lets go of its files, and tells how it ended. Nothing of it is left then.
    pub fn release(mut self) -> Result<Outcome, Error> {
        if self.root.take().is_some() {
            self.sandbox.release();
        }
        self.sandbox.wait()
    }
}
