//! Tar archives: a streaming reader and a deterministic writer.
//!
//! There are tar libraries. This one is our own because three things that they leave to chance are
//! what Lightship exists for:
//!
//! - **Exact accounting.** Every byte of the stream is either a file's payload or a header, padding
//!   or trailer; [`TarReader::position`] and [`TarReader::payload_bytes`] add up, also for sparse files.
//! - **Hostile input.** Every length is checked before it is believed, everything that is held in
//!   memory has a limit ([`Limits`]), and nothing here touches a filesystem.
//! - **Determinism.** [`TarWriter`] turns the same entries into the same bytes on any machine.
//!
//! # What is read
//!
//! Version 7, ustar (*POSIX.1-2017, pax, ustar Interchange Format*), GNU (base-256 numbers, long names,
//! old sparse files) and pax (extended and global headers, `SCHILY.xattr.*`, `LIBARCHIVE.xattr.*`,
//! GNU sparse 0.0, 0.1 and 1.0). Where the formats leave room, this reader does what Go's
//! `archive/tar` does, because containerd, Docker and Podman unpack images with it, and an audit has
//! to see what they see:
//!
//! - The size field of links, folders, devices and FIFOs is ignored: no payload follows them.
//!   (GNU tar does the same for hard links, libarchive and Python for all of these.)
//! - A GNU long name wins over a pax `path`; of two extended headers before one entry the last
//!   counts; an empty pax value restores the header's own field, except for an extended attribute,
//!   whose value may be empty.
//! - A type flag that nobody defined is an error, as it is for containerd and Docker. Contiguous
//!   files (`7`) are files.
//! - A missing end marker is accepted if the stream ends where a header could begin. A stream that
//!   ends inside a header, payload or padding is an error. What follows the end marker is no entry,
//!   but [`TarReader::drain`] reads it, so that digests cover it.
//!
//! One thing differs: pax *global* headers apply to the entries after them, as POSIX says and GNU tar,
//! libarchive and Python do. containerd, Docker and Podman ignore them; for layers, ask for
//! [`GlobalHeaders::Ignore`].

mod data;
mod encode;
mod entry;
mod error;
mod field;
mod header;
pub mod path;
mod pax;
mod reader;
mod sparse;
mod writer;

pub use data::{EntryData, Expanded};
pub use entry::{Entry, EntryKind, Mtime};
pub use error::{Part, TarError, TarErrorKind, TarWriteError};
pub use path::{PathError, RootPath, display_path};
pub use reader::{GlobalHeaders, Limits, TarReader};
pub use sparse::{Fragment, SparseError, SparseMap};
pub use writer::TarWriter;

/// Headers, payloads and padding come in units of so many bytes.
pub const BLOCK: u64 = 512;

/// The same, where an array wants it.
const BLOCK_LEN: usize = 512;

/// How many bytes of padding follow a payload of `size` bytes.
const fn padding_after(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}
