//! Wheels: their names, their content, installing and writing them (*Binary distribution format*).

mod scheme;

pub use scheme::{InstallOptions, Scheme, Scripts};
