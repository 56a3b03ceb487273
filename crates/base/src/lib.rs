//! The ground floor: values that every other room shares.
//!
//! Nothing here reads a file, the clock or the environment; nothing here prints.

mod clock;
mod diagnose;
mod digest;
mod hash;
mod key;
mod progress;
mod size;

pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use diagnose::{Category, Diagnose, Hint, in_one_line, with_causes};
pub use digest::{ChainId, DiffId, Digest, ParseDigestError};
pub use hash::{HashingReader, HashingWriter, Sha256};
pub use key::Key;
pub use progress::{Progress, Quiet, Transfer, TransferId, TransferOutcome, Watched};
pub use size::ByteSize;
