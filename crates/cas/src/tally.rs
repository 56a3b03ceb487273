//! How many, and how large.

use std::ops::AddAssign;

use lightship_base::ByteSize;
use serde::Serialize;

/// A number of files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes of content; what the file system adds is not counted.
    pub bytes: ByteSize,
}

impl Tally {
    /// Counts one file of `bytes`.
    pub fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += ByteSize(bytes);
    }

    /// Counts many files.
    pub fn of(sizes: impl IntoIterator<Item = u64>) -> Self {
        let mut tally = Self::default();
        sizes.into_iter().for_each(|bytes| tally.add(bytes));
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}
