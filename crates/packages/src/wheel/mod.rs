//! Wheels: their names, their content, installing and writing them (*Binary distribution format*).

mod archive;
mod content;
mod entry_points;
mod error;
mod install;
mod lexer;
mod marker;
mod name;
mod normalise;
mod open;
mod record;
mod requirement;
mod scheme;
mod shebang;
mod tags;
mod version;

pub use entry_points::EntryPoint;
pub use error::{Error, Flaw};
pub use install::{Installed, RecordMaker, install};
pub use marker::{
    Marker, MarkerEnvironment, MarkerError, MarkerOperator, MarkerValue, MarkerVariable,
};
pub use name::{WheelName, escape_name};
pub use normalise::{Normalised, normalise};
pub use open::{Wheel, WheelFile};
pub use requirement::{
    Dependency, Requirement, RequirementError, RequirementSource, requirements_of,
};
pub use scheme::{InstallOptions, Scheme, Scripts};
pub use tags::{Interpreter, Libc, Machine, Tag, Tags};
pub use version::{Version, VersionSpecifiers, compare_versions, parse_version};
