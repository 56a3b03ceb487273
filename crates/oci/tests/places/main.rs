//! Layouts and archives: written, read, by us and by others, honest and hostile.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

mod archives;
mod docker;
mod hostile;
mod layouts;
mod peers;
mod referrers;
mod sample;
