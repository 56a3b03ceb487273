//! From the user's configuration to what a lean build needs: archives and their keys, indexes, a fetcher,
//! a sandbox with the base in it. The one place that knows where all of these come from.

mod archive;
mod base_image;
mod base_place;
mod base_root;
mod builder;
mod finder;
mod kitchen;
mod larder;
mod locking;
mod meanwhile;
mod spoilt;
mod supplies;
mod twin;
mod workbench;

pub use base_image::{BaseImage, SURVEYS};
pub use base_place::{ArchiveAt, BasePlace, FilePlace, ImageAt};
pub use base_root::BaseRoot;
pub use finder::Finder;
pub use kitchen::{FACTS, Kitchen, Places};
pub use larder::Larder;
pub use locking::{Order, check_python};
pub use spoilt::blame;
pub use supplies::Supplies;
pub use workbench::WORKBENCHES;
