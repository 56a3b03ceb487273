//! The tar reader and writer against the formats' rules, hostile archives, themselves and others.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

mod dialects;
mod foreign;
mod hostile;
mod listing;
mod peers;
mod raw;
mod roundtrip;
mod sparse;
