//! Work beside work: what waits for the network leaves processors free, and the other way round.

use std::thread::{Builder, ScopedJoinHandle, scope};

/// Does some work, and something else beside it. Nothing comes of that where this machine has no thread to spare:
/// it has to be work that can as well be done later.
pub(super) fn meanwhile<T, A: Send>(
    name: &str,
    beside: impl FnOnce() -> A + Send,
    work: impl FnOnce() -> T,
) -> (T, Option<A>) {
    scope(|scope| {
        let running = Builder::new().name(name.to_owned()).spawn_scoped(scope, beside);
        let done = work();
        (done, running.ok().map(ScopedJoinHandle::join).and_then(Result::ok))
    })
}
