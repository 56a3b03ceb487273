//! (being written)
mod error;
pub use error::Error;
