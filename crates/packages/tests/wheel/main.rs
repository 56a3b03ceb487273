//! Wheels, made on the spot and taken from an index: opened, refused, installed, and held against what
//! Python's own tools make of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

#[path = "../support/mod.rs"]
mod support;

mod honest;
mod hostile;
mod make;
mod peers;
mod real;
mod zipped;
