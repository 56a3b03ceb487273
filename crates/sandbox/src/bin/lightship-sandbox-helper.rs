//! The helper as a program of its own, for this crate's tests. Users never see it: `lightship` is its
//! own helper.
//!
//! With arguments it becomes root of the caller's subordinate ids and then the program that they name.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use lightship_sandbox::SubordinateIds;

fn main() {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else { lightship_sandbox::helper::main() };
    let ids = SubordinateIds::detect(Path::new("/")).expect("the caller has subordinate ids");
    if let Err(failure) = ids.enter() {
        panic!("{failure}");
    }
    panic!("{}", Command::new(program).args(words).exec());
}
