//! Native bases: a root of distribution packages, made without running their scripts.
//!
//! [`roots`] says what to ask the distribution for; somebody resolves and fetches that; [`compose`]
//! turns the opened packages into parcels:
//!
//! 1. What nothing in the image runs is left out, package by package ([`Dropped`]).
//! 2. Of the packages that stay, what nothing in the image reads is left out ([`LeftOut`]).
//! 3. What dpkg's scripts would have done, and matters, is made here ([`NotRun`] says what was not).
//!
//! Everything is decided by the packages and the [`Options`] alone: the same packages in any order
//! give the same parcels.

mod accounts;
mod alternatives;
mod category;
mod certificates;
mod compose;
mod error;
mod made;
mod needs;
mod place;
mod programs;
mod purpose;
mod python;
mod scripts;
mod select;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use lightship_base::ByteSize;
use lightship_packages::parcel::{PackageId, Parcel};

pub use category::{Category, UnknownCategory};
pub use compose::{compose, renew_loader_cache};
pub use error::Error;
pub use purpose::{Data, Purpose};
pub use python::{Python, PythonWish};
pub use scripts::{Effect, NotRun};
pub use select::{Reason, Roots, roots};

/// What a base has to have.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the image is for.
    pub purpose: Purpose,
    /// Which Python, if any.
    pub python: PythonWish,
    /// Packages asked for by name, by the user or for a library that a wheel needs: they stay, with all
    /// that they depend on, and with their programs.
    pub keep: Vec<String>,
    /// Versions that are asked for, with their packages' names; of all others that which apt would take.
    pub versions: Vec<(String, String)>,
    /// Whether a shell and the everyday programs beside it stay.
    pub shell: bool,
    /// Kinds of files to keep that would be left out.
    pub keep_categories: BTreeSet<Category>,
}

/// A base, ready to be laid out.
#[derive(Debug, Clone)]
pub struct NativeBase {
    /// One for each package that stays, by name; the last is what was made here. Among all of them
    /// each file and link has one place; folders may be named several times, with the same mode.
    pub parcels: Vec<Parcel>,
    /// Packages that are not in the image, by name.
    pub dropped: Vec<Dropped>,
    /// What was left out of packages that are, by category.
    pub left_out: Vec<LeftOut>,
    /// Maintainer scripts that would have run, by package.
    pub scripts_not_run: Vec<NotRun>,
    /// The interpreter, where one was wanted.
    pub python: Option<Python>,
    /// Variables of the image's environment, by name.
    pub environment: Vec<(String, String)>,
    /// How many names lost a set-user-ID or set-group-ID bit.
    pub without_set_id: u64,
    /// Programs of packages that were asked for by name, which cannot run in this image.
    pub without_interpreter: Vec<WithoutInterpreter>,
}

/// Programs of one package for an interpreter that is not in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutInterpreter {
    /// Which package.
    pub package: String,
    /// `/usr/bin/sh`, mostly: then [`Options::shell`] is the answer.
    pub interpreter: String,
    /// How many.
    pub programs: u64,
}

/// A package that is not in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Which.
    pub package: PackageId,
    /// Why.
    pub reason: Reason,
    /// Content of its files.
    pub bytes: ByteSize,
}

/// Files of one category that are not in the image although their packages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub category: Category,
    /// How many files and links.
    pub files: u64,
    /// Their content.
    pub bytes: ByteSize,
}
