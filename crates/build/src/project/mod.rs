//! What a folder is: its requirements, its settings, what its Dockerfile tells.

mod python;
mod settings;
mod words;

pub use python::{PythonRange, PythonRangeError, PythonVersion, PythonVersionError};
pub use settings::{
    Address, AddressError, AppKind, AppSettings, ArchivePlace, BaseKind, BaseSettings,
    BuildSettings, Bytecode, ImageSettings, IndexSettings, InterpreterArchive, PythonSettings,
    Scripts, Settings,
};
pub use words::{CommandLine, CommandLineError};
