//! What must hold for any bytes at all. Each function takes untrusted input, feeds it to the code that
//! parses it, and panics where a promise is broken; that code may refuse the input, but never panic,
//! hang, or lose what it accepted.
//!
//! The same functions run under cargo-fuzz (`fuzz/fuzz_targets/`), which looks for new inputs, and as
//! an ordinary test (`tests/fuzz_smoke.rs`), which tries a few thousand mutations of the seeds in
//! `fuzz/seeds/` ([`smoke`]). What crates promise that this one may not use is in their own `tests/fuzz/`.

mod archive;
mod document;
mod image;
mod mutate;
mod smoke;
mod tar;

pub use archive::archive;
pub use document::{config, manifest};
pub use image::layer;
pub use mutate::Mutator;
pub use smoke::smoke;
pub use tar::tar;
