//! What a prepared image looks like through the kernel's overlayfs, as one folder, and as a copy, must
//! be what its layers mean: random stacks of layers against the naive model.
//!
//! Mounting needs a namespace of one's own, so each test runs this program once more inside `unshare`.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

#[path = "snapshots/hostile.rs"]
mod hostile;
#[path = "snapshots/mixed.rs"]
mod mixed;
#[path = "snapshots/mount.rs"]
mod mount;
#[path = "snapshots/namespace.rs"]
mod namespace;
#[path = "snapshots/sharing.rs"]
mod sharing;
#[path = "snapshots/unions.rs"]
mod unions;
