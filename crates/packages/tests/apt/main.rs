//! Debian archives against real peers: apt's own choices, gpg's signatures, a server on loopback.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod archive;
mod closure;
mod gpg;
mod pins;
mod signatures;
mod update;
mod versions;

/// Says why a test proves nothing on this machine.
fn skip(why: &str) {
    println!("SKIPPED: {why}");
}
