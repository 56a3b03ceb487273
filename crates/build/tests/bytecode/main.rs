//! Byte code: what is used is found without running it, the same source is the same code, an interpreter
//! takes it, and no file harms another.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

mod closure;
mod hostile;
mod machine;
mod made;
