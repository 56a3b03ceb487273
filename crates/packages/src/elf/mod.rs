//! ELF files: what the loader needs, what is debug information, which compiler's traces they carry
//! (*System V ABI, Object Files; gABI 4.1*).
//!
//! # Reading a file that passes by once
//!
//! An image's layers are streamed, so [`ElfProbe`] sees a file once, front to back, and may be ten
//! times larger than the memory we allow ourselves. The format does not make that easy: the section
//! table is usually last, and the tables of names that explain it lie before it.
//!
//! - A file of at most [`WHOLE_LIMIT`] bytes is kept whole and read as if it were in memory.
//! - Of a larger one, the probe keeps *stretches*: the beginning; what the headers promise further on
//!   (program headers, section table, dynamic section, and, once those were read, whatever they point
//!   to that is still to come); and what lies around *landmarks*, byte strings that mark a table which
//!   has to be recognised before anything points to it. `.shstrtab` contains its own name; strings that
//!   the dynamic section can name contain `.so` or `$ORIGIN`; Go's build information begins with a
//!   magic number; cargo-auditable's list is a zlib stream whose first bytes decompress to a known
//!   text. Landmarks are looked for only where they can be: in or outside what the loader maps.
//! - In the end the file is read from the stretches as if they were the file. A table that is in none
//!   of them was not seen: the facts then say so instead of guessing.
//!
//! Memory is bounded by a budget for all stretches of one file and the window that slides over it,
//! whatever the headers claim.
//!
//! # Reading a package's file
//!
//! A [`Parcel`](crate::parcel::Parcel)'s files can be opened again, but only read front to back.
//! [`Needs`] and [`cut`] ask for the ranges they want; a file whose tables lie in front is not read
//! further than these. [`cache`] writes what the loader reads.

pub mod cache;
pub mod cut;
mod debug;
mod facts;
mod go;
mod kept;
mod landmarks;
mod layout;
mod needs;
mod probe;
mod raw;
mod reach;
#[cfg(test)]
mod tests;

use lightship_base::{Category, Diagnose};

pub use facts::{
    ByteOrder, Class, DependencyList, Dynamic, ElfFacts, GoBuild, Kind, Linking, Machine,
    RustBuild, SectionFacts, Sections,
};
pub use needs::{GlibcVersion, Needs, VersionNeed};
pub use probe::{ElfProbe, Interest, WHOLE_LIMIT};

/// Why an ELF file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// Its bytes could not be had.
    #[error("cannot read it: {0}")]
    Read(#[source] std::io::Error),
    /// It begins like an ELF file and is none that a loader would take.
    #[error("it is a broken ELF file: {0}")]
    Broken(&'static str),
}

impl Diagnose for ElfError {
    fn category(&self) -> Category {
        match self {
            Self::Read(error) => Category::of_io(error),
            Self::Broken(_) => Category::BadInput,
        }
    }
}
