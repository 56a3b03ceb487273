//! What the helper could not do. It has no error types of the caller's: it tells what it attempted, on
//! what, and why that failed, over a socket.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// One failed step of starting a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is.
    pub fault: Fault,
    /// What was attempted, on what: `mount the image's layers on /…`.
    pub attempt: String,
    /// Why it failed.
    pub reason: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// This machine cannot do it.
    Machine,
    /// The kernel refuses overlayfs here; a copy will do.
    NoOverlay,
    /// The image, or what was asked of it, makes no sense: a user it does not know.
    Request,
    /// The program is not in the image.
    NoSuchProgram,
    /// The program is there but cannot be executed.
    NotExecutable,
}

impl Failure {
    /// This machine refused.
    pub(crate) fn machine(attempt: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::new(Fault::Machine, attempt, reason)
    }

    /// What was asked makes no sense.
    pub(crate) fn request(attempt: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::new(Fault::Request, attempt, reason)
    }

    /// Any failure.
    pub(crate) fn new(fault: Fault, attempt: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { fault, attempt: attempt.into(), reason: reason.to_string(), hint: None }
    }

    /// With a way out.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// No new namespaces: the kernel's words for it are those of a full disk.
    pub(crate) fn no_namespaces(error: &io::Error) -> Self {
        let reason = match error.raw_os_error() {
            Some(libc::ENOSPC) => {
                "this machine allows no more of them (user.max_user_namespaces)".to_owned()
            }
            Some(libc::EPERM) => {
                "this machine, or the container this runs in, forbids them".to_owned()
            }
            _ => error.to_string(),
        };
        Self::machine("begin new namespaces", reason)
            .hint("`lightship doctor` says what this machine lacks and how to allow it")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.attempt, self.reason)
    }
}

/// Names what was attempted when a system call fails.
pub(crate) trait Attempt<T> {
    /// `attempt` is an infinitive with its object: `mount /proc`.
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, attempt: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::machine(attempt(), error.into()))
    }
}
