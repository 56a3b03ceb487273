//! Who runs attempts, and where their artifacts are, on one machine.
//!
//! ```text
//! Launch → Attempt: exchange, folders ─→ image, spec → sandbox or process → what it wrote → Outcome
//! ```
//!
//! A task sees its own outputs' folder, the artifacts that it takes, and what its image has. What it takes it may change
//! as much as it likes: the store's own stay as they are. What it wrote is looked at as something that a stranger left:
//! no link in it is followed on this machine.

mod artifacts;
mod attempt;
mod beneath;
mod content;
mod copy;
mod images;
mod local;
mod log;
pub mod process;
mod running;
mod sandbox;
mod volumes;

pub use artifacts::{LocalArtifacts, place};
pub use content::of as content_of;
pub use images::{Images, Opened};
pub use local::{LocalExecutor, Settings, Walls};
pub use process::Supervisors;
pub use volumes::{Declared, Undeclared, Value, Volumes};
