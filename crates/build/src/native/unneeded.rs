//! Libraries that nobody needs: what came along because some package might have used it.

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::ByteSize;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, ItemKind, Origin, PackageId, Parcel};
use memchr::memmem::Finder;
use rayon::prelude::*;

use super::Options;
use super::facts::Native;
use super::search::{Found, closure};
use crate::notebooks::{Notebooks, Question};

/// A package of the distribution that only has libraries which no file loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unneeded {
    /// Which.
    pub package: PackageId,
    /// Its libraries.
    pub libraries: Vec<RootPath>,
    /// What all of the package's files weigh.
    pub size: ByteSize,
}

/// Which of these names are in a file's bytes.
const MENTIONS: Question = Question { name: "mentions", rules: 1 };

/// No file is looked through for names beyond this; nothing in a distribution's base is larger.
const LONGEST: u64 = 64 << 20;

/// Packages whose libraries neither any program nor any module reaches, nor anything that it loads; whose
/// names no native code of the distribution and the interpreter mentions, to open them at run time; that
/// have no program of their own; and that nobody asked for.
pub(super) fn unneeded(
    parcels: &[Parcel],
    natives: &[Native],
    found: &[Found],
    options: &Options,
) -> Vec<Unneeded> {
    let candidates = candidates(parcels, natives, options);
    let mut kept: BTreeSet<usize> =
        (0..parcels.len()).filter(|at| !candidates.contains_key(at)).collect();
    loop {
        let reached = reached(natives, found, &kept);
        let before = kept.len();
        kept.extend(reached.iter().map(|at| natives[*at].parcel));
        kept.extend(mentioned(parcels, natives, (&candidates, &kept), &options.notebooks));
        if kept.len() == before {
            break;
        }
    }
    let left = candidates.into_iter().filter(|(at, _)| !kept.contains(at));
    left.map(|(at, libraries)| Unneeded {
        package: parcels[at].package.clone(),
        libraries: libraries.into_iter().map(|n| natives[n].path.clone()).collect(),
        size: parcels[at].items.iter().map(|item| ByteSize(item.size())).sum(),
    })
    .collect()
}

/// Packages of the distribution, by index, whose native code is libraries in everybody's folders and
/// nothing else, with these libraries.
fn candidates(
    parcels: &[Parcel],
    natives: &[Native],
    options: &Options,
) -> BTreeMap<usize, Vec<usize>> {
    let mut candidates: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for (at, native) in natives.iter().enumerate() {
        if native.needs.interpreter.is_none() && is_for_everybody(&native.path) {
            candidates.entry(native.parcel).or_default().push(at);
        } else {
            others.insert(native.parcel);
        }
    }
    candidates.retain(|at, libraries| {
        let package = &parcels[*at].package;
        package.origin == Origin::Debian
            && !others.contains(at)
            && !options.asked.contains(&package.name)
            && !libraries.iter().any(|n| is_opened_by_the_c_library(&natives[*n]))
    });
    candidates
}

/// Directly in a folder that the loader looks into by itself; what lies deeper is opened by its path.
fn is_for_everybody(path: &RootPath) -> bool {
    let folder = path.parent().unwrap_or_default();
    let parts: Vec<&[u8]> = folder.components().collect();
    let parts = parts.strip_prefix(&[&b"usr"[..]]).unwrap_or(&parts);
    matches!(parts, [lib] if lib.starts_with(b"lib"))
        || matches!(parts, [b"lib", triplet] if memchr::memmem::find(triplet, b"-linux-").is_some())
}

/// Name services, and what it needs to end threads and to unwind.
fn is_opened_by_the_c_library(native: &Native) -> bool {
    let name = native.path.file_name().unwrap_or_default();
    name.starts_with(b"libnss_") || name.starts_with(b"libgcc_s.so")
}

fn reached(natives: &[Native], found: &[Found], kept: &BTreeSet<usize>) -> BTreeSet<usize> {
    let loads: Vec<BTreeSet<usize>> = found.iter().map(|found| found.loads.clone()).collect();
    let roots = (0..natives.len()).filter(|at| kept.contains(&natives[*at].parcel));
    roots.flat_map(|at| closure(at, &loads)).collect()
}

/// Candidates one of whose libraries is named in the bytes of a kept package's native code.
fn mentioned(
    parcels: &[Parcel],
    natives: &[Native],
    (candidates, kept): (&BTreeMap<usize, Vec<usize>>, &BTreeSet<usize>),
    notebooks: &Notebooks,
) -> BTreeSet<usize> {
    let open = candidates.iter().filter(|(at, _)| !kept.contains(at));
    let open = open.flat_map(|(at, libraries)| libraries.iter().map(move |n| (*at, *n)));
    let open: BTreeSet<(&str, usize)> =
        open.filter_map(|(at, n)| Some((natives[n].needs.soname.as_deref()?, at))).collect();
    if open.is_empty() {
        return BTreeSet::new();
    }
    let names: BTreeSet<&str> = open.iter().map(|(name, _)| *name).collect();
    let place = names.iter().copied().collect::<Vec<_>>().join("\n");
    let finders: Vec<(&str, Finder<'_>)> =
        names.iter().map(|name| (*name, Finder::new(name.as_bytes()))).collect();
    let find = |content: &Content| {
        let bytes = content.read(LONGEST)?;
        let inside = finders.iter().filter(|(_, finder)| finder.find(&bytes).is_some());
        Ok::<_, std::io::Error>(
            inside.map(|(name, _)| String::from(*name)).collect::<Vec<String>>(),
        )
    };
    let readers = natives.iter().filter(|native| {
        let origin = parcels[native.parcel].package.origin;
        kept.contains(&native.parcel) && matches!(origin, Origin::Debian | Origin::Interpreter)
    });
    let readers: Vec<&Native> = readers.collect();
    let found: Vec<Vec<String>> = readers
        .par_iter()
        .filter_map(|native| {
            let parcel = &parcels[native.parcel];
            let content = content_of(parcel, &native.path)?;
            let at = (content, place.as_bytes());
            notebooks.ask_at(MENTIONS, &parcel.package, at, || find(content)).ok()
        })
        .collect();
    let found: BTreeSet<&str> = found.iter().flatten().map(String::as_str).collect();
    open.into_iter().filter(|(name, _)| found.contains(name)).map(|(_, at)| at).collect()
}

fn content_of<'p>(parcel: &'p Parcel, path: &RootPath) -> Option<&'p Content> {
    let item = parcel.items.iter().find(|item| item.path == *path)?;
    match &item.kind {
        ItemKind::File { content, .. } => Some(content),
        ItemKind::Folder { .. } | ItemKind::Symlink(_) => None,
    }
}
