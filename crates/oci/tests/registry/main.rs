//! The registry client against the real `docker-registry`, straight and through a proxy that does
//! damage, with `skopeo` as a second opinion.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

mod access;
mod faults;
mod plain;
mod pull_faults;
mod referrers;
mod scripted;
mod support;
mod tls;
