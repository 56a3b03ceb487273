//! The lock file, `lightship.lock`: every package that an image is made of, by digest.
//!
//! With it at hand an image is built without resolving anything: which Python, which Debian packages,
//! which wheels, which source distributions and what their wheels were built with. It has no address
//! and no host name: where a file comes from is the user's configuration, which file it is is said by
//! its SHA-256. `docs/lock.md` describes the format.
//!
//! ```
//! use lightship_packages::lock::Lock;
//! let text = "version = 1\nplatforms = [\"linux/amd64\"]\n";
//! let lock = Lock::parse(text, "lightship.lock")?;
//! assert_eq!(Lock::parse(&lock.to_toml()?, "lightship.lock")?, lock);
//! # Ok::<(), lightship_packages::lock::Error>(())
//! ```

mod check;
mod error;
mod inputs;
mod merge;
mod platform;
mod read;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
mod write;

use lightship_base::Digest;

pub use error::Error;
pub use inputs::{Change, Inputs};
pub use platform::{ParsePlatformError, PlatformName};

/// What the file is called.
pub const FILE_NAME: &str = "lightship.lock";

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// No lock is larger: one of 100 packages has 50 kB.
pub const MAX_BYTES: u64 = 32 << 20;

/// The label of the index that needs no name: the user's default one.
pub const DEFAULT_INDEX: &str = "default";

/// Everything that an image is made of, for each of its platforms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// What it was made from.
    pub inputs: Inputs,
    /// The platforms that it knows. A package without a list of its own is for all of them.
    pub platforms: Vec<PlatformName>,
    /// Which Python; none in an image without.
    pub python: Option<Python>,
    /// Where the Debian packages are from; none where the base is an image.
    pub suite: Option<Suite>,
    /// The base image, by platform, where the base is one.
    pub images: Vec<BaseImage>,
    /// The interpreter, by platform, where it came as an archive.
    pub interpreters: Vec<Interpreter>,
    /// Debian packages.
    pub debs: Vec<Deb>,
    /// Python distributions that come as wheels.
    pub wheels: Vec<Wheel>,
    /// Python distributions that come as source only.
    pub sdists: Vec<Sdist>,
    /// Debian packages of the root with a compiler that native source distributions are built in: all of
    /// them, those of the base as well. None of them is in the image for that.
    pub build_debs: Vec<Deb>,
}

/// Which Python, and why this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// As `sys.implementation.name` has it: `cpython`.
    pub implementation: String,
    /// All three parts: `3.11.2`.
    pub version: String,
    /// Who asked for it: "`.python-version` says 3.11".
    pub chosen: String,
}

/// A release of a Debian-like distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// As `ID` in its `os-release`: `debian`.
    pub distribution: String,
    /// Its code name: `bookworm`.
    pub codename: String,
    /// Its number, where it has one: `12`.
    pub version: Option<String>,
}

/// A base that is an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// For which platform.
    pub platform: PlatformName,
    /// How the project's settings call it: the user's own words, and the only ones in a lock that may name
    /// a host.
    pub reference: String,
    /// Digest of its manifest.
    pub digest: Digest,
}

/// An interpreter that comes as an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// For which platform.
    pub platform: PlatformName,
    /// The archive.
    pub file: LockedFile,
}

/// One file, whoever has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its bytes.
    pub sha256: Digest,
    /// How many they are, where the index says so.
    pub size: Option<u64>,
}

/// A Debian package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deb {
    /// Its name: `libc6`.
    pub name: String,
    /// Its version, epoch included.
    pub version: String,
    /// `amd64`, `arm64` or `all`.
    pub architecture: String,
    /// Where it is below the archive's root: `pool/main/g/glibc/libc6_2.36-9_amd64.deb`.
    pub file: String,
    /// How many bytes the file has.
    pub size: u64,
    /// The file's bytes.
    pub sha256: Digest,
    /// The archive's own name: `Debian`, `Debian-Security`.
    pub archive: String,
    /// Names of packages here that it needs.
    pub depends: Vec<String>,
    /// Why it is here: "python3.11 needs it".
    pub reason: String,
    /// For which platforms; all where empty.
    pub platforms: Vec<PlatformName>,
}

/// A Python distribution as a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// Its name, normalised (*PEP 503*).
    pub name: String,
    /// Its version.
    pub version: String,
    /// The wheel.
    pub file: LockedFile,
    /// The label of the index that has it.
    pub index: String,
    /// Names of distributions here that it needs.
    pub depends: Vec<String>,
    /// For which platforms; all where empty.
    pub platforms: Vec<PlatformName>,
}

/// A Python distribution as source, which becomes a wheel before it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdist {
    /// Its name, normalised (*PEP 503*).
    pub name: String,
    /// Its version.
    pub version: String,
    /// The source.
    pub file: LockedFile,
    /// The label of the index that has it.
    pub index: String,
    /// Names of distributions here that it needs.
    pub depends: Vec<String>,
    /// For which platforms; all where empty.
    pub platforms: Vec<PlatformName>,
    /// Wheels that were installed while it was built.
    pub build: Vec<BuildRequirement>,
    /// The normalised wheel that came of it; none where it was not built yet.
    pub built: Option<LockedFile>,
}

/// A wheel that is needed while a source distribution is built, and not afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequirement {
    /// Its name, normalised (*PEP 503*).
    pub name: String,
    /// Its version.
    pub version: String,
    /// The wheel.
    pub file: LockedFile,
    /// The label of the index that has it.
    pub index: String,
}

impl Lock {
    /// Understands a lock's text. `file` is for messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let lock = read::lock(text, file)?;
        check::check(&lock).map_err(|problem| problem.in_file(file))?;
        Ok(lock)
    }

    /// The lock as it is kept: the same for the same packages in any order, one table for each.
    pub fn to_toml(&self) -> Result<String, Error> {
        let sorted = self.sorted();
        check::check(&sorted).map_err(check::Problem::in_lock)?;
        Ok(write::lock(&sorted))
    }

    /// The part that is for one platform; none where the lock does not know it.
    pub fn only_for(&self, platform: &PlatformName) -> Option<Self> {
        if !self.platforms.contains(platform) {
            return None;
        }
        let fits =
            |platforms: &[PlatformName]| platforms.is_empty() || platforms.contains(platform);
        let mut lock = self.clone();
        lock.platforms = vec![platform.clone()];
        lock.images.retain(|image| image.platform == *platform);
        lock.interpreters.retain(|interpreter| interpreter.platform == *platform);
        lock.debs.retain(|deb| fits(&deb.platforms));
        lock.wheels.retain(|wheel| fits(&wheel.platforms));
        lock.sdists.retain(|sdist| fits(&sdist.platforms));
        lock.build_debs.retain(|deb| fits(&deb.platforms));
        lock.debs.iter_mut().for_each(|deb| deb.platforms.clear());
        lock.build_debs.iter_mut().for_each(|deb| deb.platforms.clear());
        lock.wheels.iter_mut().for_each(|wheel| wheel.platforms.clear());
        lock.sdists.iter_mut().for_each(|sdist| sdist.platforms.clear());
        Some(lock)
    }

    /// The parts that are for other platforms; none where there are none.
    pub fn without(&self, platform: &PlatformName) -> Option<Self> {
        let others = self.platforms.iter().filter(|one| *one != platform);
        let parts = others.filter_map(|other| self.only_for(other));
        parts.reduce(|all, one| all.merged_with(&one))
    }

    /// In the order in which it is written.
    fn sorted(&self) -> Self {
        let mut lock = self.clone();
        lock.platforms.sort();
        lock.images.sort_by(|a, b| a.platform.cmp(&b.platform));
        lock.interpreters.sort_by(|a, b| a.platform.cmp(&b.platform));
        lock.debs.sort_by(|a, b| (&a.name, &a.platforms).cmp(&(&b.name, &b.platforms)));
        lock.build_debs.sort_by(|a, b| (&a.name, &a.platforms).cmp(&(&b.name, &b.platforms)));
        lock.wheels.sort_by(|a, b| (&a.name, &a.platforms).cmp(&(&b.name, &b.platforms)));
        lock.sdists.sort_by(|a, b| (&a.name, &a.platforms).cmp(&(&b.name, &b.platforms)));
        for deb in lock.debs.iter_mut().chain(&mut lock.build_debs) {
            tidy(&mut deb.depends, &mut deb.platforms);
        }
        for wheel in &mut lock.wheels {
            tidy(&mut wheel.depends, &mut wheel.platforms);
        }
        for sdist in &mut lock.sdists {
            tidy(&mut sdist.depends, &mut sdist.platforms);
            sdist.build.sort_by(|a, b| a.name.cmp(&b.name));
        }
        lock
    }
}

fn tidy(depends: &mut Vec<String>, platforms: &mut [PlatformName]) {
    depends.sort();
    depends.dedup();
    platforms.sort();
}
