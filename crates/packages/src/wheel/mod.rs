//! Wheels: their names, their content, installing and writing them (*Binary distribution format*).

mod archive;
mod content;
mod entry_points;
mod error;
mod install;
mod name;
mod open;
mod record;
mod scheme;
mod shebang;
mod tags;
mod version;

pub use entry_points::EntryPoint;
pub use error::{Error, Flaw};
pub use install::{Installed, RecordMaker, install};
pub use name::{WheelName, escape_name};
pub use open::{Wheel, WheelFile};
pub use scheme::{InstallOptions, Scheme, Scripts};
pub use tags::{Interpreter, Libc, Machine, Tag, Tags};
pub use version::{Version, VersionSpecifiers, parse_version};
