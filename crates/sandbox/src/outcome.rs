//! How a command ended.

use std::time::Duration;

use lightship_base::ByteSize;
use serde::{Deserialize, Serialize};

/// How a command ended, and what it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// From the request to the moment the program was loaded.
    pub start_time: Duration,
    /// From then until its end was heard of, clearing up included.
    pub run_time: Duration,
    /// Processor time of all its processes that were waited for.
    pub cpu_time: Duration,
    /// The largest resident memory of any one of its processes.
    pub peak_memory: ByteSize,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It ended by itself, with this code.
    Exited(u8),
    /// A signal of this number ended it.
    Signalled(u8),
    /// It was ended because its time was over.
    OutOfTime(Duration),
    /// It or one of its children was killed for using more memory than it may.
    OutOfMemory,
    /// It wrote more than so many bytes, and was ended unless it had ended by itself.
    OutOfDisk(ByteSize),
    /// It was ended because it had more than so many processes and threads. Only where no control group
    /// limits them: a group refuses the next one instead.
    OutOfProcesses(u32),
}

impl End {
    /// The exit code that stands for this end in a shell: the command's own, 128 + the signal's number,
    /// or, as with `timeout(1)`, 124 where the time was over.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(signal) => 128_u8.saturating_add(signal),
            Self::OutOfTime(_) => 124,
            Self::OutOfMemory | Self::OutOfDisk(_) | Self::OutOfProcesses(_) => 137,
        }
    }

    /// Whether it did what it was asked, by its own word.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

impl std::fmt::Display for End {
    /// Half a sentence, to stand after the command.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "ended with code {code}"),
            Self::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            Self::OutOfTime(limit) => {
                write!(f, "was still running after {} s and was ended", limit.as_secs_f64())
            }
            Self::OutOfMemory => f.write_str("used more memory than it may and was killed"),
            Self::OutOfDisk(limit) => write!(f, "wrote more than {limit}"),
            Self::OutOfProcesses(limit) => {
                write!(f, "had more than {limit} processes at once and was killed")
            }
        }
    }
}

/// Something that is not as it was asked, or not as tight as elsewhere, and why: each becomes one line
/// for the user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note(pub String);

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
