//! Kubeflow Pipelines' v2 IR: what a compiled pipeline says, whether it can run, what each of its tasks is given and
//! what it must give back. Pure: bytes and values in, values out.
//!
//! ```text
//! bytes → Package → compile → Plan ─┬─ bind::parameters   what a run is given
//!            │                      ├─ bind::inputs       what a task is given      → Exchange → arguments
//!            └─ edit → bytes        ├─ exchange::collect  what a task gave back
//!               (bake)              └─ fingerprint        what its result depends on
//! ```

mod arena;
pub mod bind;
mod compile;
pub mod condition;
pub mod exchange;
mod fingerprint;
pub mod lightweight;
mod package;
mod plan;
mod problem;
pub mod quantity;
mod spec;
pub mod template;
pub mod value;

pub use arena::{Arena, ComponentId, DagId, ExecutorId, Id, TaskId};
pub use fingerprint::{Evidence, Fingerprint, MountedVolume, Part, fingerprint};
pub use package::{
    ContainerEdit, ContainerText, MAX_BYTES, NoSuchContainer, Package, PackageError,
};
pub use plan::*;
pub use problem::{Fault, Place, Problem, Problems, Unknown};
