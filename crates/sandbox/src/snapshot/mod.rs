//! Layers unpacked once, into folders that overlayfs can stack and that all images share.
//!
//! [`prepare`] makes sure that every layer of an image has a *snapshot*: a tree in the store
//! ([`lightship_cas`]), made from the layer's verified stream and never changed again. What comes back
//! is a list of folders for overlayfs, bottom first. Mount them with `userxattr`: whiteouts are
//! character devices 0:0, and everything else that overlayfs has to know is in `user.overlay.*`.
//!
//! # When layers can be stacked, and when not
//!
//! Each layer is unpacked without looking at those below it, yet runtimes unpack layers *onto* each
//! other: a parent folder may be a symbolic link of a lower layer, and a hard link may lead to a lower
//! layer's file ([`lightship_oci::rootfs::Tree`] is what has to come out). Once the layers of an image
//! are there, a *plan* is made for it (`plan.rs`): it finds out whether the layers mean the same when
//! stacked, which is so for nearly every image in the wild. Where they do not, the image is unpacked
//! *flat*, into one folder; so it is where a container's rules forbid whiteouts, and where an ordinary
//! user may not look into the folders of the layers, because the image says so.
//!
//! # On disk
//!
//! ```text
//! trees/snapshot-<ownership>/<diff ID>/   fs/         the layer's folder
//!                                         about.json  what the folder cannot say ([`About`])
//!                                         owners      true owners, where everything belongs to the caller
//!                                         boot        during which run of the kernel it was written
//! trees/plan-<ownership>/<chain ID>/      fs/         folders whose attributes stacking would lose
//!                                         about.json, boot
//! trees/flat-<ownership>/<chain ID>/      fs/, about.json, owners, boot
//! ```
//!
//! # After a power failure
//!
//! Nothing is `fsync`ed: a snapshot can be made again from its layer, and waiting for the disk would
//! take longer than unpacking. A tree that was written during this run of the kernel is whole, for it
//! was moved into place when it was whole. One from an earlier run may have lost what the disk had not
//! got yet: it is counted once (entries and bytes; file systems do not let a file grow before its
//! bytes are there), and then either marked as durable or thrown away and made again.

mod about;
mod attributes;
mod content;
mod copy;
mod error;
mod flat;
mod folders;
mod keep;
mod look;
mod plan;
mod prepare;
mod unpack;
mod walker;
mod weight;

pub use about::{About, ImpliedFolder, PathText, SavedMeta, Skipped, owners};
pub(crate) use copy::copy_layers;
pub use copy::copy_to;
pub use error::Error;
pub use keep::kept_by;
pub use prepare::{FolderMeta, Ownership, Prepared, prepare, prepare_flat};
