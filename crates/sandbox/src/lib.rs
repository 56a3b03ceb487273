//! Runs a command in an image's filesystem, in milliseconds, without a daemon or root.
//!
//! [`snapshot::prepare`] unpacks an image's layers, once, into folders that all sandboxes share;
//! [`Launcher::start`] joins them by overlayfs under a layer of the sandbox's own and starts a command
//! there, in namespaces of its own and with as few rights as possible; [`Sandbox::wait`] says how it
//! ended. Afterwards nothing is left of it: no process, mount, control group or folder.
//!
//! A process with threads never forks here. It starts a *helper*, a small program of one thread, and
//! talks to it over a socket: see [`helper`].

mod errand;
mod error;
mod failure;
mod folder;
mod held;
pub mod helper;
mod identity;
mod launcher;
mod outcome;
mod probe;
mod runtime;
pub mod snapshot;
mod spec;
mod streams;
mod subordinate;
mod sys;
mod wire;

pub use error::Error;
pub use failure::{Failure, Fault};
pub use held::Held;
pub use identity::Identity;
pub use launcher::{Connection, Helper, Launcher, Sandbox, Signaller};
pub use outcome::{End, Note, Outcome};
pub use probe::{Ability, Trial, probe};
pub use runtime::Engine;
pub use spec::{
    DEFAULT_PATH, Grace, Limits, Mount, MountContent, Network, RootAccess, Spec, TerminalSize, User,
};
pub use streams::{Stream, Streams};
pub use subordinate::{IdRange, SubordinateIds};
