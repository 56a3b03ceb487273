//! Pipelines: `lightship bake` gives their steps images that have everything.

pub(super) mod bake;
mod error;
mod oven;
mod read;

pub use error::PipelineError;
