//! Pipelines: `lightship bake` gives their steps images that have everything.

pub(super) mod bake;
mod error;
mod here;
mod oven;
mod read;
mod record;
mod rooms;
pub(super) mod run;

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
