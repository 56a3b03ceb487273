//! Pipelines: baked, run, and what is kept of their runs.

mod abreast;
mod account;
pub(super) mod artifacts;
mod attend;
pub(super) mod bake;
mod before;
pub(super) mod cache;
pub(super) mod compare;
mod compile;
mod drive;
mod either;
mod error;
mod held;
mod here;
mod lock;
mod oven;
mod proof;
mod read;
mod record;
mod rooms;
pub(super) mod run;
pub(super) mod runs;
mod shelf;

use artifacts::FindError;
pub use error::PipelineError;
use lightship_base::in_one_line;
