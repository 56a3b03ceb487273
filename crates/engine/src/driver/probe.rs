//! Places at which tests let a driver die.

use std::fmt;

use crate::id::AttemptId;

/// The places around an attempt at which dying matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Nobody knows yet that it should start.
    BeforeIntent,
    /// It is written that it starts; it has not been started.
    AfterIntent,
    /// It was started.
    AfterStart,
    /// It has ended, and that is not written.
    BeforeOutcome,
    /// It is written how it ended.
    AfterOutcome,
}

impl Point {
    /// All of them, with the names that they have for people.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::BeforeIntent, "before intent"),
        (Self::AfterIntent, "after intent"),
        (Self::AfterStart, "after start"),
        (Self::BeforeOutcome, "before outcome"),
        (Self::AfterOutcome, "after outcome"),
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(point, _)| point == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

/// Is told when a driver comes to one of the points. It may end the process then and there, or halt the driver.
pub trait Probe: Send + Sync {
    /// The driver is at this point with this attempt.
    fn reached(&self, point: Point, attempt: &AttemptId) -> Verdict;
}

/// What a driver does at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing special.
    GoOn,
    /// Leave everything as it is.
    Halt,
}
