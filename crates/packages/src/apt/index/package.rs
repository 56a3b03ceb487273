//! One package of an index; fields are read when asked for.

use lightship_base::{Category, Diagnose, Digest};

use super::RecordId;
use super::scan::{Record, slice};
use crate::apt::archives::{ArchiveId, is_pool_path};
use crate::apt::paragraph;
use crate::apt::relation::{
    Dependency, ParseRelationError, Provided, parse_dependencies, parse_provides,
};

/// A package as its archive describes it (*deb-control(5)*).
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    pub(crate) id: RecordId,
    name: &'a str,
    version: &'a str,
    paragraph: &'a str,
    archive: ArchiveId,
}

/// A field of a package that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It has to be there and is not.
    #[error("the archive's index gives no {field} for {name} {version}")]
    Missing {
        /// Which package.
        name: String,
        /// Its version.
        version: String,
        /// Which field.
        field: &'static str,
    },
    /// It is not what it should be.
    #[error(
        "the archive's index gives a {field} for {name} {version} that cannot be used: `{value}`"
    )]
    Field {
        /// Which package.
        name: String,
        /// Its version.
        version: String,
        /// Which field.
        field: &'static str,
        /// What it is.
        value: String,
    },
    /// A relation to other packages cannot be read.
    #[error("the archive's index gives a {field} for {name} {version} that cannot be read")]
    Relation {
        /// Which package.
        name: String,
        /// Its version.
        version: String,
        /// Which field.
        field: &'static str,
        /// Why not.
        source: ParseRelationError,
    },
}

/// `Multi-Arch` (*deb-control(5)*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// One architecture at a time, and it serves its own.
    No,
    /// Several architectures beside one another.
    Same,
    /// It serves every architecture.
    Foreign,
    /// Whoever depends on it chooses.
    Allowed,
}

/// `Priority`, the most important first (*Debian policy, 2.5*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// None is given.
    None,
    /// Without it nothing works.
    Required,
    /// Expected of a Unix system.
    Important,
    /// A small system has it.
    Standard,
    /// Everything else.
    Optional,
    /// What conflicts with others; no longer in use.
    Extra,
}

impl<'a> Package<'a> {
    pub(super) fn new(id: RecordId, record: &Record, text: &'a str, archive: ArchiveId) -> Self {
        let short = |(start, length): (u32, u16)| slice(text, start, u32::from(length));
        Self {
            id,
            name: short(record.name),
            version: short(record.version),
            paragraph: slice(text, record.start, record.length),
            archive,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its version.
    pub fn version(&self) -> &'a str {
        self.version
    }

    /// `amd64`, or `all`.
    pub fn architecture(&self) -> &'a str {
        self.field("Architecture").unwrap_or_default()
    }

    /// Its paragraph, as the archive's index has it.
    pub fn paragraph(&self) -> &'a str {
        self.paragraph
    }

    /// Which archive has it.
    pub fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// Any field's value.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        paragraph::field(self.paragraph, name)
    }

    /// `Depends`.
    pub fn depends(&self) -> Result<Vec<Dependency>, PackageError> {
        self.relations("Depends")
    }

    /// `Pre-Depends`.
    pub fn pre_depends(&self) -> Result<Vec<Dependency>, PackageError> {
        self.relations("Pre-Depends")
    }

    /// `Provides`.
    pub fn provides(&self) -> Result<Vec<Provided>, PackageError> {
        let read = self.field("Provides").map(parse_provides).transpose();
        Ok(read.map_err(|source| self.relation("Provides", source))?.unwrap_or_default())
    }

    /// Any field that names other packages.
    pub fn relations(&self, field: &'static str) -> Result<Vec<Dependency>, PackageError> {
        let read = self.field(field).map(parse_dependencies).transpose();
        Ok(read.map_err(|source| self.relation(field, source))?.unwrap_or_default())
    }

    /// `Essential`: every Debian system is expected to have it.
    pub fn is_essential(&self) -> bool {
        self.field("Essential").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// `Protected`, or `Important` as it was called before.
    pub fn is_protected(&self) -> bool {
        ["Protected", "Important"]
            .iter()
            .any(|name| self.field(name).is_some_and(|value| value.eq_ignore_ascii_case("yes")))
    }

    /// `Priority`.
    pub fn priority(&self) -> Priority {
        match self.field("Priority") {
            None => Priority::None,
            Some("required") => Priority::Required,
            Some("important") => Priority::Important,
            Some("standard") => Priority::Standard,
            Some("optional") => Priority::Optional,
            Some(_) => Priority::Extra,
        }
    }

    /// `Multi-Arch`.
    pub fn multi_arch(&self) -> MultiArch {
        match self.field("Multi-Arch") {
            Some("same") => MultiArch::Same,
            Some("foreign") => MultiArch::Foreign,
            Some("allowed") => MultiArch::Allowed,
            Some(_) | None => MultiArch::No,
        }
    }

    /// `Section`.
    pub fn section(&self) -> Option<&'a str> {
        self.field("Section")
    }

    /// The source package's name, and its version where that is another one.
    pub fn source(&self) -> (&'a str, Option<&'a str>) {
        let Some(source) = self.field("Source") else { return (self.name, None) };
        match source.split_once('(') {
            Some((name, version)) => (name.trim(), Some(version.trim_end_matches(')').trim())),
            None => (source, None),
        }
    }

    /// Where its file lies below its archive's root: a relative path that stays there.
    pub fn pool_path(&self) -> Result<&'a str, PackageError> {
        let path = self.required("Filename")?;
        let path = path.strip_prefix("./").unwrap_or(path);
        if is_pool_path(path) { Ok(path) } else { Err(self.unusable("Filename", path)) }
    }

    /// Bytes of its file.
    pub fn size(&self) -> Result<u64, PackageError> {
        let value = self.required("Size")?;
        value.parse().map_err(|_| self.unusable("Size", value))
    }

    /// Digest of its file.
    pub fn sha256(&self) -> Result<Digest, PackageError> {
        let value = self.required("SHA256")?;
        format!("sha256:{value}").parse().map_err(|_| self.unusable("SHA256", value))
    }

    /// How many bytes it says it takes when installed. An estimate, in steps of 1,024.
    pub fn installed_size(&self) -> Option<u64> {
        self.field("Installed-Size")?.parse::<u64>().ok()?.checked_mul(1024)
    }

    fn required(&self, field: &'static str) -> Result<&'a str, PackageError> {
        self.field(field).ok_or_else(|| PackageError::Missing {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            field,
        })
    }

    fn unusable(&self, field: &'static str, value: &str) -> PackageError {
        PackageError::Field {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            field,
            value: lightship_net::printable(value, 120),
        }
    }

    fn relation(&self, field: &'static str, source: ParseRelationError) -> PackageError {
        PackageError::Relation {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            field,
            source,
        }
    }
}

impl Diagnose for PackageError {
    fn category(&self) -> Category {
        Category::BadInput
    }
}
