//! The sandbox's helper as a program of its own, for this crate's tests. Users never see it: `lightship`
//! is its own helper.

fn main() {
    lightship_sandbox::helper::main()
}
