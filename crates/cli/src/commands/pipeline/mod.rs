//! Pipelines: `lightship bake` gives their steps images that have everything.

pub(super) mod bake;
mod error;
mod oven;
mod read;
mod record;
mod rooms;
pub(super) mod run;

pub use error::PipelineError;
use lightship_base::in_one_line;
