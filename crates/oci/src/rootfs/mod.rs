//! The union filesystem that a stack of layers makes.
//!
//! Three steps: [`whiteout::classify`] says whether an entry adds or hides; [`LayerIndex`] notes a
//! layer's entries in their order, without contents; [`Tree`] applies one index after another, as
//! container runtimes do (*OCI image-spec 1.1, layer.md*), and remembers who removed what.

mod apply;
mod attributes;
mod hide;
mod index;
mod tree;
pub mod whiteout;

pub use apply::{Problem, ProblemKind};
pub use index::{Body, IndexEntry, LayerIndex, LayerVisitor, Meta, index_layer, index_watched};
pub use tree::{Inode, InodeId, Node, NodeId, Origin, Removal, Tree, What};
