//! Runs a command in an image's filesystem, in milliseconds, without a daemon or root.

pub mod snapshot;
