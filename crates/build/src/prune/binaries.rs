//! Native code: what is for other machines, and what can be cut off.

use std::io;

use lightship_codec::tar::RootPath;
use lightship_packages::elf::cut::{self, Verdict};
use lightship_packages::elf::{Class, ElfError, Machine};
use lightship_packages::parcel::{Content, Item, ItemKind, Parcel};
use rayon::prelude::*;

use super::{Category, Fate, Options, Place, PruneError, Verdicts, is_pruned, kinds};
use crate::notebooks::{Notebooks, Question};

/// Leaves out binaries of other operating systems and processors.
pub(super) fn foreign(
    parcels: &[Parcel],
    options: &Options,
    verdicts: &mut Verdicts,
) -> Result<(), PruneError> {
    for (at, parcel) in parcels.iter().enumerate().filter(|(_, parcel)| is_pruned(parcel)) {
        let places: Result<Vec<Option<Place>>, PruneError> = parcel
            .items
            .par_iter()
            .enumerate()
            .map(|(n, item)| {
                let failed = |error| PruneError::new(&parcel.package, &item.path, error);
                Ok(is_foreign(item, options).map_err(failed)?.then_some((at, n)))
            })
            .collect();
        let places: Vec<Place> = places?.into_iter().flatten().collect();
        verdicts.decide(parcels, Category::OtherPlatforms, &places, None);
    }
    Ok(())
}

fn is_foreign(item: &Item, options: &Options) -> io::Result<bool> {
    let ItemKind::File { content, .. } = &item.kind else { return Ok(false) };
    if kinds::by_name(&item.path) == Some(Category::OtherPlatforms) {
        return Ok(!is_managed(content)?);
    }
    let name = item.path.file_name().unwrap_or_default();
    let is_library = name.ends_with(b".so") || memchr::memmem::find(name, b".so.").is_some();
    match options.machine {
        Some(machine) if is_library => is_for_another(content, machine),
        _ => Ok(false),
    }
}

/// Processors that run programs. Others (graphics processors, the kernel's own) have their code in ELF
/// files too, and these are for this machine.
const PROCESSORS: [u16; 9] = [3, 8, 20, 21, 22, 40, 62, 183, 243];

fn is_for_another(content: &Content, (class, machine): (Class, Machine)) -> io::Result<bool> {
    let head = content.head(20)?;
    let [0x7f, b'E', b'L', b'F', bits, order, .., low, high] = head[..] else { return Ok(false) };
    let theirs = match order {
        1 => u16::from_le_bytes([low, high]),
        2 => u16::from_be_bytes([low, high]),
        _ => return Ok(false),
    };
    let same = theirs == machine.0 && (bits == 2) == (class == Class::Elf64);
    Ok(PROCESSORS.contains(&theirs) && !same)
}

/// Whether a file in Windows' format is for the .NET runtime, which runs on Linux as well (*PE Format,
/// Optional Header Data Directories*: the 15th is the CLR's).
fn is_managed(content: &Content) -> io::Result<bool> {
    const WINDOW: u64 = 4096;
    let head = content.head(WINDOW)?;
    let word = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let directory = || {
        let header = usize::try_from(head.starts_with(b"MZ").then(|| word(0x3c))??).ok()?;
        let optional = header.checked_add(24)?;
        let magic = word(optional)? & 0xffff;
        let first = optional + if magic == 0x20b { 112 } else { 96 };
        word(first + 14 * 8)
    };
    Ok(directory().is_some_and(|address| address != 0))
}

/// How a file can be cut.
const CUT: Question = Question { name: "cut", rules: 1 };

/// Cuts what no loader maps off everything that stays.
pub(super) fn cut(
    parcels: &[Parcel],
    notebooks: &Notebooks,
    verdicts: &mut Verdicts,
) -> Result<(), PruneError> {
    if verdicts.keep.contains(&Category::Debug) {
        return Ok(());
    }
    let candidates: Vec<(Place, &RootPath, &Content)> = parcels
        .iter()
        .enumerate()
        .filter(|(_, parcel)| is_pruned(parcel))
        .flat_map(|(at, parcel)| {
            parcel.items.iter().enumerate().map(move |(n, item)| ((at, n), item))
        })
        .filter(|(place, item)| {
            !verdicts.fates.contains_key(place) && is_cut(item, &parcels[place.0])
        })
        .filter_map(|(place, item)| match &item.kind {
            ItemKind::File { content, .. } => Some((place, &item.path, content)),
            ItemKind::Folder { .. } | ItemKind::Symlink(_) => None,
        })
        .collect();
    let plans: Result<Vec<_>, PruneError> = candidates
        .into_par_iter()
        .map(|(place, path, content)| {
            let package = &parcels[place.0].package;
            match notebooks.ask(CUT, package, content, || cut::plan(content)) {
                Ok(verdict) => Ok((place, verdict)),
                Err(ElfError::Read(error)) => Err(PruneError::new(package, path, error)),
                Err(ElfError::Broken(why)) => Ok((place, Verdict::Whole(why.into()))),
            }
        })
        .collect();
    for (place, verdict) in plans? {
        match verdict {
            Verdict::Cut(plan) => {
                verdicts.fates.insert(place, Fate::Cut(plan));
            }
            Verdict::Whole(why) => {
                verdicts.decide(parcels, Category::Debug, &[place], Some(why.into_owned()));
            }
            Verdict::Lean | Verdict::NotLoaded => {}
        }
    }
    Ok(())
}

/// Whether a file may be native code, and nothing holds its bytes against a checksum when it is loaded:
/// FIPS modules and what has a `.hmac` beside it are.
fn is_cut(item: &Item, parcel: &Parcel) -> bool {
    let ItemKind::File { mode, content } = &item.kind else { return false };
    let Some((folder, name)) = item.path.split_last() else { return false };
    let is_library = memchr::memmem::find(name, b".so").is_some();
    let is_program = mode & 0o111 != 0 && !name.ends_with(b".py");
    if content.size() < 128 || !(is_library || is_program) || name == b"fips.so" {
        return false;
    }
    let sums = [[b".", name, b".hmac"].concat(), [name, b".hmac"].concat()];
    let is_summed = || {
        let sums = sums.map(|sum| folder.join(&sum).ok());
        parcel.items.iter().any(|other| sums.iter().flatten().any(|sum| *sum == other.path))
    };
    !is_summed()
}
