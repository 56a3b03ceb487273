//! Images in the local store: in and out, interrupted, partly there, shared, named, collected.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod collect;
mod fixture;
mod names;
mod platforms;
mod read_only;
mod referrers;
mod write;
