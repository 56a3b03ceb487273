//! Images for the steps of a pipeline that install their packages when they start: which images there must be, the
//! project that each is built from, and the pipeline that uses them.
//!
//! ```text
//! Package → Steps::of → environments, each with the steps that share it, and steps that stay as they are
//! Environment → folder → lock, layers, image, like any project
//! Package + images → Steps::rewrite → Package
//! ```
//!
//! A step is recognised by the structure of its command (`lightship_ir::lightweight`). Whatever cannot be carried
//! over as it is leaves the step unchanged, with the reason.

mod base;
mod environment;
mod folder;
mod imports;
mod steps;

pub use base::{Base, BaseFault, Stand};
pub use environment::{Environment, EnvironmentKey};
pub use steps::{Fate, Kept, Moved, Place, Step, Steps};
