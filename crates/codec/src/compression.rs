//! Decompressing whatever a layer turns out to be, and compressing to the same bytes every time.

mod bomb;
mod decode;
mod encode;
mod kind;

pub use bomb::check_ratio;
pub use decode::{Decoder, decoder, detect};
pub use encode::{CompressionLevel, Encoder, ParseCompressionError, encoder};
pub use kind::Compression;
