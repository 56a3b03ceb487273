//! Pipelines: baked, run, and what is kept of their runs.

pub(super) mod artifacts;
pub(super) mod bake;
pub(super) mod cache;
pub(super) mod compare;
mod compile;
mod drive;
mod error;
mod here;
mod printed;
mod read;
mod record;
mod rooms;
pub(super) mod run;
pub(super) mod runs;

use artifacts::FindError;
pub use error::PipelineError;
use lightship_base::in_one_line;
