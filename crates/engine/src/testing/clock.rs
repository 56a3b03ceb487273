//! A clock that goes with tokio's, so that a test which pauses that one pauses both.

use lightship_base::{Clock, Timestamp};
use tokio::time::Instant;

/// Counts from the year 2001 on. Must be made inside of a runtime.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let base = Timestamp::constant(1_000_000_000, 0);
        base.saturating_add(self.start.elapsed()).unwrap_or(Timestamp::MAX)
    }
}
