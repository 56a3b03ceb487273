//! Reshaping images changes what it should and nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

mod convert;
mod known_answers;
mod squash;
mod support;
mod union;
mod unpack;
