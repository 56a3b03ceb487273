//! One content-addressed store on a folder, for blobs of every kind (image layers, manifests, wheels,
//! Debian packages) and for folders made from them. Several processes use it at once without a server,
//! and `kill -9` at any moment leaves nothing half-visible.
//!
//! # On disk
//!
//! ```text
//! version                  the format's number; a newer one is refused
//! lock, gate               empty; only ever locked
//! blobs/sha256/ab/<hex>    complete, verified, read-only blobs
//! trees/<kind>/<hex>/      complete folders, made from what <hex> names
//! tmp/<lease>.<n>          being written under that lease
//! partial/<hex>            interrupted downloads, to be resumed
//! leases/<id>              one per lease; digests, one a line
//! refs/<kind>/<name>       JSON: the digests a name keeps alive, and its owner's data
//! ```
//!
//! # Words
//!
//! A *ref* keeps blobs alive for good: its roots, and whatever the roots lead to. A *lease* keeps
//! blobs alive while a process works on them: from before they are written until a ref names them,
//! or while somebody reads them. Everything else is garbage and goes with the next [`Cas::gc`].
//!
//! What a blob leads to is not the store's business: `gc`, `usage` and `verify` ask their caller
//! ([`Children`]).
//!
//! # The protocol
//!
//! All locks are `flock`s, which the kernel drops when their process ends, however it ends.
//!
//! 1. **A lease is a file, exclusively locked** by the process that made it. Locked means alive.
//!    Nobody asks for process ids or ages: neither survives containers or suspended laptops.
//! 2. **Shared `lock`**, held for microseconds: to create a lease (so that nobody sees it before it
//!    is locked), to add a digest to a lease *and look whether the blob is there*, to move a finished
//!    blob into place, to read a ref *and lease its roots*, and to set or remove a ref.
//! 3. **Exclusive `lock`**, held while marking and sweeping: `gc`. And while `verify` removes what it
//!    found corrupt.
//!
//! So a digest enters a lease either before a collection, which then treats it as a root, or after
//! it, and then looking shows what the collection left. There is no moment between *look* and *use*
//! at which the blob can go. A blob is written in this order: bytes to `tmp/`, digest to the lease,
//! `fsync` of the file, rename into `blobs/`, `fsync` of the folder; a ref is set last, while the
//! lease lives. A process killed anywhere on this way leaves an unlocked lease, a temporary file
//! named after that lease, and perhaps a complete blob that nothing names: all three garbage.
//!
//! Temporary files need no lock of their own: they live exactly as long as the lease whose id their
//! name begins with. Partial downloads outlive their process on purpose, so each is locked by whoever
//! appends to it; a second process that wants the same one writes an ordinary temporary file instead.
//! Leases are never `fsync`ed: after a power failure no process that held one is left.
//!
//! # Trees
//!
//! A *tree* is a folder that is made once, seen whole or not at all, and never changed again: a layer
//! unpacked, say. It is kept under a kind and a digest, not of its own bytes but of what it was made
//! from; a lease that protects a digest protects blob and trees alike, and `gc` asks which trees a blob
//! keeps ([`Trace`]). All of the above holds for trees, with these differences:
//!
//! - A tree is filled in `tmp/<lease>.<n>/` ([`TreeWriter`]) and renamed into place under the shared
//!   lock, its digest in the lease already. A folder cannot be renamed onto one that has something in
//!   it, so of two processes that make the same tree the second throws its own away.
//! - Nothing is synced. A tree can be made again, and waiting for the disk would take longer than
//!   making it. So a process that is killed leaves nothing half-visible, but *a power failure may leave
//!   a tree that lost files or the ends of files*: its maker syncs before it publishes, or checks on
//!   what was published before the last start of the machine and discards what is damaged
//!   ([`Lease::discard_tree`]).
//! - Removing one takes long. `gc` renames it to `tmp/gc-<n>/` under the exclusive lock, and removes it
//!   when the lock is free again. Killed between the two, it leaves a leftover of no lease, which the
//!   next one removes. Whoever looks for a tree sees all of it or nothing.
//! - Its files may belong to ids that the caller may not touch (a user namespace's). Then somebody else
//!   has to remove them: [`Remove`].
//!
//! **What a killed `gc` leaves**: some garbage deleted, some not, in no particular order. Hence the
//! one rule for users: *that a blob is there says nothing about the blobs it leads to.* Whoever
//! builds a tree asks for each of its blobs ([`Lease::protect`]); whoever starts from a ref
//! ([`Lease::pin`]) may rely on the whole tree.
//!
//! **Starvation.** `flock` grants shared locks while an exclusive one waits, so busy writers could
//! keep a collection waiting for ever. `gate` prevents it: everybody takes `lock` while holding
//! `gate`, and whoever wants `lock` exclusively keeps others out of `gate` meanwhile. Its price: no
//! thread may take the shared lock twice. Inside this crate the guard is passed on as an argument;
//! outside, the one rule is that [`Children`] only reads blobs.

mod cas;
mod error;
mod gc;
mod graph;
mod layout;
mod lease;
mod lock;
mod name;
mod refs;
mod remove;
mod tally;
mod tree;
mod usage;
mod verify;
mod writer;

pub use cas::{Blob, Cas};
pub use error::Error;
pub use gc::{GcOptions, GcReport, Remove, Unused};
pub use graph::{Children, Trace};
pub use lease::Lease;
pub use refs::{RefEntry, RefKind, RefValue};
pub use remove::{remove_tree, remove_tree_at};
pub use tally::Tally;
pub use tree::{SIZE_FILE, Tree, TreeKind, TreeWriter};
pub use usage::{KindUsage, Usage};
pub use verify::{CorruptBlob, MissingBlob, Problem, VerifyOptions, VerifyReport};
pub use writer::{BlobWriter, Stored};
