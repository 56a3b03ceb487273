//! Who runs attempts, and where their artifacts are, on one machine.
//!
//! ```text
//! Launch → Exchange, image, folders → Spec → sandbox → what it wrote → Outcome
//! ```
//!
//! A task sees its own outputs' folder, the artifacts that it takes, and what its image has. What it takes it may change
//! as much as it likes: the store's own stay as they are.

mod artifacts;
mod attempt;
mod content;
mod images;
mod sandbox;
mod volumes;

pub use artifacts::{LocalArtifacts, place};
pub use content::of as content_of;
pub use images::{Images, Opened};
pub use sandbox::{SandboxExecutor, Settings};
pub use volumes::{Declared, Volumes};
