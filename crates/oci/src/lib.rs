//! Container images: where they are kept, what they are made of, and how to reshape them.

pub mod compression;
mod error;
pub mod reference;
pub mod spec;
mod transport;

pub use error::Error;
pub use transport::{BlobReader, Destination, OpenBlob, Source};
