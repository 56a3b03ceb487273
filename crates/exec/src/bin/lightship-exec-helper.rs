//! The helpers as a program of their own, for this crate's tests. Users never see it: `lightship` is its own helper.

use std::process::ExitCode;

use lightship_exec::process::supervisor;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == supervisor::ARGUMENT => supervisor::main(),
        _ => lightship_sandbox::helper::main(),
    }
}
