//! What readers promise for any bytes, over every seed and some mutations of each: always the same ones. The same
//! functions run under cargo-fuzz (`fuzz/fuzz_targets/`), which looks for new inputs.

#![expect(clippy::unwrap_used, reason = "a promise that is broken ends the test")]

mod apt_index;
mod apt_release;
mod apt_sources;
mod deb;
mod elf;
mod lock;
mod marshal;
mod pylock;
mod wheel;

use lightship_testkit::fuzz::smoke;

const MUTATIONS: usize = 1000;

#[test]
fn apt_index_keeps_its_promises() {
    smoke("apt_index", MUTATIONS, apt_index::check);
}

#[test]
fn apt_release_keeps_its_promises() {
    smoke("apt_release", MUTATIONS, apt_release::check);
}

#[test]
fn apt_sources_keeps_its_promises() {
    smoke("apt_sources", MUTATIONS, apt_sources::check);
}

#[test]
fn deb_keeps_its_promises() {
    smoke("deb", MUTATIONS, deb::check);
}

#[test]
fn elf_keeps_its_promises() {
    smoke("elf", MUTATIONS, elf::check);
}

#[test]
fn lock_keeps_its_promises() {
    smoke("lock", MUTATIONS, lock::check);
}

#[test]
fn marshal_keeps_its_promises() {
    smoke("marshal", MUTATIONS, marshal::check);
}

#[test]
fn pylock_keeps_its_promises() {
    smoke("pylock", MUTATIONS, pylock::check);
}

#[test]
fn wheel_keeps_its_promises() {
    smoke("wheel", MUTATIONS, wheel::check);
}
