//! Which items are native code, and what each asks of the loader.

use lightship_codec::tar::RootPath;
use lightship_packages::elf::{Kind, Needs};
use lightship_packages::parcel::{Item, ItemKind, PackageId, Parcel};
use rayon::prelude::*;

use super::Unread;
use super::tree::{Node, Tree};
use crate::notebooks::{Notebooks, Question};

/// One ELF file that a loader takes.
#[derive(Debug, Clone)]
pub(super) struct Native {
    pub(super) path: RootPath,
    /// Index of its parcel.
    pub(super) parcel: usize,
    pub(super) needs: Needs,
}

/// Reads all of them, in the order of their paths.
pub(super) fn read(
    parcels: &[Parcel],
    tree: &Tree,
    notebooks: &Notebooks,
) -> (Vec<Native>, Vec<Unread>) {
    let candidates: Vec<(usize, &Item)> = parcels
        .iter()
        .enumerate()
        .flat_map(|(at, parcel)| {
            parcel.items.iter().enumerate().map(move |(n, item)| (at, n, item))
        })
        .filter(|(_, _, item)| may_be_native(item))
        // What a later parcel replaces is not in the image.
        .filter(|(at, n, item)| tree.node(&item.path) == Some(&Node::File(*at, *n)))
        .map(|(at, _, item)| (at, item))
        .collect();
    let mut natives = Vec::new();
    let mut unread = Vec::new();
    let results: Vec<_> = candidates
        .par_iter()
        .map(|(at, item)| needs(item, &parcels[*at].package, notebooks))
        .collect();
    for ((parcel, item), result) in candidates.into_iter().zip(results) {
        match result {
            Ok(Some(needs)) => natives.push(Native { path: item.path.clone(), parcel, needs }),
            Ok(None) => {}
            Err(why) => unread.push(Unread {
                file: item.path.clone(),
                package: parcels[parcel].package.clone(),
                why,
            }),
        }
    }
    natives.sort_by(|a, b| a.path.cmp(&b.path));
    unread.sort_by(|a, b| a.file.cmp(&b.file));
    (natives, unread)
}

/// What a file asks of the loader.
const NEEDS: Question = Question { name: "needs", rules: 1 };

fn needs(
    item: &Item,
    package: &PackageId,
    notebooks: &Notebooks,
) -> Result<Option<Needs>, lightship_packages::elf::ElfError> {
    let ItemKind::File { content, .. } = &item.kind else { return Ok(None) };
    let needs = notebooks.ask(NEEDS, package, content, || Needs::read(content))?;
    Ok(needs.filter(|needs| matches!(needs.kind, Kind::Executable | Kind::Dynamic)))
}

/// Whether it is worth opening: what is executable, and libraries by name, which wheels ship without
/// permission to execute. The smallest file that a loader takes is larger than its headers.
fn may_be_native(item: &Item) -> bool {
    let ItemKind::File { mode, content } = &item.kind else { return false };
    let name = item.path.file_name().unwrap_or_default();
    let is_library = memchr::memmem::find(name, b".so").is_some();
    let is_script = name.ends_with(b".py") || name.ends_with(b".sh");
    content.size() > 84 && (is_library || (mode & 0o111 != 0 && !is_script))
}
