//! Reading `.deb` files (*deb(5)*), without running anything of them.
//!
//! A `.deb` is an `ar` archive of a version, the control files and the data. The data is unpacked
//! once into a file without a name; contents are read from there when somebody opens them, so that a
//! package of a gigabyte costs no memory.

mod ar;
mod control;
mod data;
mod error;
mod members;
mod repack;
mod spool;
mod tarball;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use lightship_codec::tar::RootPath;

pub use control::{Alternatives, Control, ControlError};
pub use error::{Error, ErrorKind};
pub use repack::repack;
pub use tarball::read_tarball;

use crate::parcel::{Item, Origin, PackageId, Parcel};

/// An opened package.
#[derive(Debug, Clone)]
pub struct Deb {
    /// Its control paragraph.
    pub control: Control,
    /// The file `md5sums` as it is (*deb-md5sums(5)*); empty where the package has none.
    pub md5sums: Vec<u8>,
    /// Its configuration files (*deb-conffiles(5)*), which `md5sums` leaves out.
    pub conffiles: Vec<RootPath>,
    /// Programs that dpkg would run, by name.
    pub scripts: Vec<Script>,
    /// The file `triggers` (*deb-triggers(5)*); empty where the package has none.
    pub triggers: String,
    /// What it installs, each name once, in the order of the archive.
    pub items: Vec<Item>,
    /// Names that lost their set-user-ID or set-group-ID bit.
    pub without_set_id: Vec<RootPath>,
}

/// A maintainer script (*deb-preinst(5)* and its fellows).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When dpkg would run it.
    pub kind: ScriptKind,
    /// What it says; what is not UTF-8 is replaced.
    pub text: String,
}

/// When dpkg would run a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptKind {
    /// Before everything else: it asks questions.
    Config,
    /// Before unpacking.
    Preinst,
    /// After unpacking.
    Postinst,
    /// Before removal.
    Prerm,
    /// After removal.
    Postrm,
}

impl ScriptKind {
    /// All of them, in the order in which dpkg comes to them.
    pub const ALL: [Self; 5] =
        [Self::Config, Self::Preinst, Self::Postinst, Self::Prerm, Self::Postrm];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Preinst => "preinst",
            Self::Postinst => "postinst",
            Self::Prerm => "prerm",
            Self::Postrm => "postrm",
        }
    }
}

impl Deb {
    /// Opens a package and unpacks its data into a file without a name in the folder `scratch`, which
    /// is freed with the last content that lies in it.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, Error> {
        let fail = |kind| Error { path: path.to_owned(), kind };
        let file = File::open(path).map_err(|source| fail(ErrorKind::Open(source)))?;
        Self::read(BufReader::with_capacity(128 * 1024, file), scratch).map_err(fail)
    }

    /// Like [`Deb::open`], from anything that can be read.
    pub fn read(source: impl Read, scratch: &Path) -> Result<Self, ErrorKind> {
        members::read(source, scratch)
    }

    /// Name and version.
    pub fn id(&self) -> PackageId {
        PackageId {
            origin: Origin::Debian,
            name: self.control.package().to_owned(),
            version: self.control.version().to_owned(),
        }
    }

    /// The script of a kind, where there is one.
    pub fn script(&self, kind: ScriptKind) -> Option<&Script> {
        self.scripts.iter().find(|script| script.kind == kind)
    }

    /// Everything that it installs, as it is.
    pub fn parcel(&self) -> Parcel {
        Parcel { package: self.id(), items: self.items.clone() }
    }
}
