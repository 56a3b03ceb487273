//! Container images: where they are kept, what they are made of, and how to reshape them.

pub mod archive;
pub mod artifact;
pub mod assembly;
pub mod base;
pub mod convert;
pub mod copy;
mod error;
pub mod history;
mod image;
pub mod layer;
pub mod layout;
pub mod reference;
pub mod registry;
pub mod rootfs;
pub mod spec;
pub mod squash;
mod staging;
pub mod store;
mod transport;
pub mod validate;
mod verified;

pub use error::Error;
pub use image::Image;
pub use lightship_codec::{compression, tar};
pub use transport::{BlobReader, Destination, OpenBlob, Source};
