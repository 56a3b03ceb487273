//! Leaving out what does not run, by category, and saying so.
//!
//! Only what came from a package index, or as an interpreter's archive, is pruned: the distribution's
//! packages are chosen whole, and the user's own files are the user's. A [`Category`] is left out of a
//! package only where no installed code opens that kind of file. What code opens is read from its source
//! (`clues`): names in imports and in texts that are no comments and no documentation. That finds more
//! than is opened, never less by what it sees; where it finds something, the files stay and
//! [`KeptOn`] says whose line kept them.

mod binaries;
mod category;
mod clues;
mod kinds;
mod lexer;
mod named;
mod suites;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lightship_base::{ByteSize, Diagnose, Digest, Key};
use lightship_codec::tar::RootPath;
use lightship_packages::elf::{Class, Machine};
use lightship_packages::parcel::{Item, ItemKind, Origin, PackageId, Parcel};

pub use category::{Category, UnknownCategory};

use crate::notebooks::Notebooks;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Categories that stay everywhere.
    pub keep: BTreeSet<Category>,
    /// The image's machine. Without it, native code of no machine is called foreign.
    pub machine: Option<(Class, Machine)>,
    /// What earlier runs read.
    pub notebooks: Notebooks,
}

/// What is left, and what is not.
#[derive(Debug)]
pub struct Pruned {
    /// The parcels, in their order, without what was left out.
    pub parcels: Vec<Parcel>,
    /// Files whose bytes are no longer the package's: their digests in RECORD have to be made anew.
    pub changed: BTreeSet<RootPath>,
    /// What was left out; categories in their order, none without files.
    pub report: Vec<PrunedCategory>,
    /// What stays although its category is left out elsewhere, and why; by category, then package.
    pub kept_on: Vec<KeptOn>,
}

/// One category's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedCategory {
    /// Which.
    pub category: Category,
    /// Files left out, or cut.
    pub files: usize,
    /// Bytes saved on disk.
    pub size: ByteSize,
    /// The packages they are from, the largest first.
    pub packages: Vec<(PackageId, ByteSize)>,
}

/// Files that stay because some code may open them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptOn {
    /// Their category.
    pub category: Category,
    /// Whose they are.
    pub package: PackageId,
    /// How many.
    pub files: usize,
    /// What they weigh.
    pub size: ByteSize,
    /// Why: half a sentence, with the place.
    pub why: String,
}

/// A file of a package could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {file} of {package} to see what it is for: {error}")]
pub struct PruneError {
    /// Name and version.
    pub package: String,
    /// Which file.
    pub file: RootPath,
    /// Why.
    #[source]
    pub error: io::Error,
}

impl Diagnose for PruneError {
    fn category(&self) -> lightship_base::Category {
        lightship_base::Category::of_io(&self.error)
    }
}

impl PruneError {
    fn new(package: &PackageId, file: &RootPath, error: io::Error) -> Self {
        Self { package: format!("{} {}", package.name, package.version), file: file.clone(), error }
    }
}

/// What happens to one item.
#[derive(Debug)]
enum Fate {
    LeftOut(Category),
    Cut(lightship_packages::elf::cut::Plan),
}

/// An item by the indexes of its parcel and in it.
type Place = (usize, usize);

/// Leaves out what does not run.
pub fn prune(parcels: Vec<Parcel>, options: &Options) -> Result<Pruned, PruneError> {
    let sources = clues::read(&parcels, &options.notebooks)?;
    let mut verdicts = Verdicts { keep: options.keep.clone(), ..Verdicts::default() };
    suites::judge(&parcels, &sources, &mut verdicts);
    named::judge(&parcels, &sources, &mut verdicts);
    binaries::foreign(&parcels, options, &mut verdicts)?;
    binaries::cut(&parcels, &options.notebooks, &mut verdicts)?;
    Ok(verdicts.carry_out(parcels))
}

/// Everything about a parcel's source that may decide what of others is pruned: two parcels with the same
/// answer have the same effect. In which line something is named, and how often, decides nothing.
pub fn influence(parcel: &Parcel) -> Result<Digest, PruneError> {
    let mut sources = clues::read(std::slice::from_ref(parcel), &Notebooks::default())?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    let mut key = Key::of("clues");
    for source in &sources {
        key.add(source.path.as_bytes());
        key.add(source.clues.deciding());
    }
    Ok(key.finish())
}

/// Whether a parcel's files are looked at.
fn is_pruned(parcel: &Parcel) -> bool {
    match parcel.package.origin {
        Origin::Python | Origin::Interpreter => true,
        Origin::Debian | Origin::Project | Origin::Lightship => false,
    }
}

/// What was decided so far.
#[derive(Debug, Default)]
struct Verdicts {
    keep: BTreeSet<Category>,
    fates: BTreeMap<Place, Fate>,
    kept_on: Vec<KeptOn>,
}

impl Verdicts {
    /// Leaves files out, or keeps them for a reason. What was decided before stays decided.
    fn decide(
        &mut self,
        parcels: &[Parcel],
        category: Category,
        files: &[Place],
        why: Option<String>,
    ) {
        let open: Vec<Place> =
            files.iter().copied().filter(|place| !self.fates.contains_key(place)).collect();
        let (Some((parcel, _)), false) = (open.first(), self.keep.contains(&category)) else {
            return;
        };
        let Some(why) = why else {
            self.fates.extend(open.iter().map(|place| (*place, Fate::LeftOut(category))));
            return;
        };
        self.kept_on.push(KeptOn {
            category,
            package: parcels[*parcel].package.clone(),
            files: open.len(),
            size: open.iter().map(|(at, n)| ByteSize(parcels[*at].items[*n].size())).sum(),
            why,
        });
    }

    fn carry_out(mut self, parcels: Vec<Parcel>) -> Pruned {
        let mut report: BTreeMap<Category, BTreeMap<PackageId, (usize, u64)>> = BTreeMap::new();
        let mut changed = BTreeSet::new();
        // What several packages bring would be in the image once, and is counted once.
        let mut counted = BTreeSet::new();
        let mut left = Vec::with_capacity(parcels.len());
        for (at, parcel) in parcels.into_iter().enumerate() {
            let pruned = is_pruned(&parcel);
            let mut items = Vec::with_capacity(parcel.items.len());
            for (n, item) in parcel.items.into_iter().enumerate() {
                let Some(fate) = self.fates.remove(&(at, n)) else {
                    items.push(item);
                    continue;
                };
                let path = item.path.clone();
                let (category, saved, rest) = fate.carry_out(item);
                changed.extend(rest.iter().map(|item| item.path.clone()));
                items.extend(rest);
                if !counted.insert(path) {
                    continue;
                }
                let of_category = report.entry(category).or_default();
                let total = of_category.entry(parcel.package.clone()).or_default();
                total.0 += 1;
                total.1 += saved;
            }
            let items = if pruned { without_empty_folders(items) } else { items };
            left.push(Parcel { package: parcel.package, items });
        }
        self.kept_on.sort();
        let report = report.into_iter().map(|(category, of)| summary(category, of)).collect();
        Pruned { parcels: left, changed, report, kept_on: self.kept_on }
    }
}

impl Fate {
    /// The category, the bytes saved, and what is left of the item.
    fn carry_out(self, item: Item) -> (Category, u64, Option<Item>) {
        let before = item.size();
        match (self, item.kind) {
            (Self::Cut(plan), ItemKind::File { mode, content }) => {
                let content = plan.apply(content);
                let saved = before.saturating_sub(content.size());
                let kind = ItemKind::File { mode, content };
                (Category::Debug, saved, Some(Item { path: item.path, kind }))
            }
            (Self::Cut(_), kind) => (Category::Debug, 0, Some(Item { path: item.path, kind })),
            (Self::LeftOut(category), _) => (category, before, None),
        }
    }
}

fn summary(category: Category, of: BTreeMap<PackageId, (usize, u64)>) -> PrunedCategory {
    let files = of.values().map(|(files, _)| files).sum();
    let mut packages: Vec<_> =
        of.into_iter().map(|(package, (_, bytes))| (package, ByteSize(bytes))).collect();
    packages.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let size = packages.iter().map(|(_, size)| *size).sum();
    PrunedCategory { category, files, size, packages }
}

/// A folder that only held what is gone goes as well. Folders that were empty from the beginning look
/// the same; an archive of files has none.
fn without_empty_folders(items: Vec<Item>) -> Vec<Item> {
    let is_folder = |item: &Item| matches!(item.kind, ItemKind::Folder { .. });
    if !items.iter().any(is_folder) {
        return items;
    }
    let needed: BTreeSet<RootPath> = items
        .iter()
        .filter(|item| !is_folder(item))
        .flat_map(|item| item.path.ancestors().collect::<Vec<_>>())
        .collect();
    items.into_iter().filter(|item| !is_folder(item) || needed.contains(&item.path)).collect()
}
