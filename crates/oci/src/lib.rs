//! Container images: where they are kept, what they are made of, and how to reshape them.

mod error;
pub mod spec;
mod transport;

pub use error::Error;
pub use transport::{BlobReader, Destination, OpenBlob, Source};
