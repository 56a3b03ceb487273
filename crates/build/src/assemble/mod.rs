//! From parcels to layers, and from layers to an image.
//!
//! A layer's bytes follow from what is in it and how it is compressed, and from nothing else: not from
//! the clock, the number of threads, the order of work or the other layers. So a layer has a *key*, made
//! from the same facts, and one that was made before is found by it and not made again. That is what
//! makes a second build fast, and what lets images share.

mod blobs;
mod bundle;
mod error;
mod existing;
mod group;
mod image;
mod key;
mod layer;
mod onto;
mod overlap;

pub use blobs::StoredBlobs;
pub use bundle::{Bundle, LastFile, Rest, Stage, WrittenFile};
pub use error::Error;
pub use existing::{Attributes, Existing};
pub use group::{Group, Grouping, group};
pub use image::{Image, ImageSettings, put_together};
pub use key::key;
pub use layer::{LAYERS, Layer, Layers, Origin};
pub use onto::{inherit, put_onto};
pub use overlap::{Overlap, settle};
