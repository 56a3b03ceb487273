//! Pipelines: baked, run, and what is kept of their runs.

mod abreast;
mod account;
mod attend;
pub(super) mod bake;
mod before;
mod compile;
mod drive;
mod either;
mod error;
mod held;
mod lock;
mod oven;
mod proof;
mod read;
mod record;
mod rooms;
pub(super) mod run;
pub(super) mod runs;
mod shelf;

pub use error::PipelineError;

use super::Error;

/// An error with its causes.
fn in_one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
