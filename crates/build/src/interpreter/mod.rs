//! An interpreter that comes as an archive, for Pythons that no suite of the distribution has: the layout
//! `install_only` of python-build-standalone, which is an ordinary installation of `CPython` below `python/`.
//! It is laid out under `/usr/local`; the libraries that it needs come from the distribution's packages, as
//! for wheels.
//!
//! What Debian has in packages of their own is left out, by category: Tk and what stands on it, what compilers
//! need, programs for people. Test suites, headers and the like are pruned with those of wheels. Distributions
//! that come in its `site-packages` are left out and named: an image has those of the lock.

mod error;
mod layout;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lightship_base::{ByteSize, Digest};
use lightship_codec::tar::RootPath;
use lightship_packages::deb::read_tarball;
use lightship_packages::elf::{Machine, Needs};
use lightship_packages::parcel::{Item, ItemKind, Origin, PackageId, Parcel};
use lightship_packages::wheel::Scheme;

use crate::base::{Category, Python};
use crate::report::{Dropped, LeftOut};

pub use error::Error;
use layout::Layout;

/// An archive in the store.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// Its name: `cpython-3.12.4+20240713-x86_64-unknown-linux-gnu-install_only.tar.gz`.
    pub name: &'a str,
    /// Its bytes.
    pub sha256: Digest,
    /// Where it is.
    pub path: &'a Path,
}

/// An interpreter, ready to be laid out.
#[derive(Debug)]
pub struct Interpreter {
    /// Its files.
    pub parcel: Parcel,
    /// Where it is and where it installs to.
    pub python: Python,
    /// Distributions that came with it and are not in the image.
    pub dropped: Vec<Dropped>,
    /// Files of its own that are not in the image, by category.
    pub left_out: Vec<LeftOut>,
}

/// Where it goes.
const PREFIX: &str = "usr/local";

/// Opens an archive for images of an architecture, as Debian calls it. `keep` are categories that stay.
pub fn open(
    archive: Archive<'_>,
    architecture: &str,
    keep: &BTreeSet<Category>,
    scratch: &Path,
) -> Result<Interpreter, Error> {
    let items = read_tarball(archive.path, archive.name, scratch).map_err(|source| {
        Error::Archive { file: archive.name.to_owned(), source: Box::new(source) }
    })?;
    lay_out(items, archive.name, architecture, keep)
}

fn lay_out(
    items: Vec<Item>,
    file: &str,
    architecture: &str,
    keep: &BTreeSet<Category>,
) -> Result<Interpreter, Error> {
    let layout = Layout::of(&items, file)?;
    check_machine(&layout, &items, file, architecture)?;
    let dropped = layout.distributions(&items);
    let needs_library = layout.is_library_needed(&items);
    let mut left: BTreeMap<Category, (u64, u64)> = BTreeMap::new();
    let mut staying = Vec::new();
    for item in items {
        let Some(inside) = layout::inside(&item.path) else { continue };
        if layout.is_distribution(&inside) {
            continue;
        }
        match layout.category(&inside, needs_library).filter(|one| !keep.contains(one)) {
            Some(category) => {
                if !matches!(item.kind, ItemKind::Folder { .. }) {
                    let sum = left.entry(category).or_default();
                    *sum = (sum.0 + 1, sum.1 + item.size());
                }
            }
            None => staying.push(Item { path: under_prefix(&inside), kind: item.kind }),
        }
    }
    staying.extend(links(&layout, &staying));
    let left_out = left.into_iter().map(|(category, (files, bytes))| LeftOut {
        category: category.name().to_owned(),
        files,
        bytes: ByteSize(bytes),
    });
    let package = PackageId {
        origin: Origin::Interpreter,
        name: "cpython".to_owned(),
        version: layout.version.clone(),
    };
    Ok(Interpreter {
        parcel: Parcel { package, items: staying },
        python: python(&layout),
        dropped,
        left_out: left_out.collect(),
    })
}

fn under_prefix(inside: &RootPath) -> RootPath {
    let prefix = PREFIX.split('/').map(str::as_bytes);
    RootPath::from_components(prefix.chain(inside.components()))
}

/// `python3` and `python`, where the archive has none.
fn links(layout: &Layout, items: &[Item]) -> Vec<Item> {
    let names = ["bin/python3", "bin/python"].map(|name| under_prefix(&layout::path(name)));
    let absent = names.into_iter().filter(|path| !items.iter().any(|item| item.path == *path));
    absent.map(|path| Item::link(path, layout.name.clone())).collect()
}

fn python(layout: &Layout) -> Python {
    let place = |path: &str| under_prefix(&layout::path(path));
    let (name, library) = (&layout.name, &layout.library);
    let site = place(&format!("lib/{library}/site-packages"));
    Python {
        version: layout.series,
        full_version: layout.version.clone(),
        executable: place(&format!("bin/{name}")),
        library: vec![
            place(&format!("lib/{library}")),
            place(&format!("lib/{library}/lib-dynload")),
        ],
        scheme: Scheme {
            purelib: site.clone(),
            platlib: site,
            scripts: place("bin"),
            headers: place(&format!("include/{library}")),
            data: place(""),
            interpreter: format!("/{PREFIX}/bin/{name}"),
        },
    }
}

/// Wheels are chosen, and libraries come, for one processor and one C library.
fn check_machine(
    layout: &Layout,
    items: &[Item],
    file: &str,
    architecture: &str,
) -> Result<(), Error> {
    let program = &items[layout.program];
    let ItemKind::File { content, .. } = &program.kind else { return Ok(()) };
    let needs = Needs::read(content).ok().flatten().ok_or_else(|| Error::Layout {
        file: file.to_owned(),
        reason: format!("{} is no program for Linux", program.path),
    })?;
    let machine = match needs.machine {
        Machine(62) => "amd64".to_owned(),
        Machine(183) => "arm64".to_owned(),
        Machine(other) => format!("processors of the number {other} in ELF"),
    };
    let is_musl = needs.interpreter.as_deref().is_some_and(|loader| loader.contains("ld-musl"));
    let found = if is_musl { format!("{machine} with the C library musl") } else { machine };
    if found == architecture {
        return Ok(());
    }
    Err(Error::Machine { file: file.to_owned(), found, wanted: architecture.to_owned() })
}
