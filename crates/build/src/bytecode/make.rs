//! From packages to the byte code of their modules, of which most was made before.

use std::collections::{BTreeSet, HashSet};

use lightship_base::{ByteSize, Digest, Progress, Transfer, TransferOutcome, Watched};
use lightship_cas::Lease;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind, Parcel};

use super::Error;
use super::compiler::{Compiler, Reason, Source};
use super::kept::{self, Kept};
use crate::assemble::{Bundle, Stage};

/// So many bytes of source are compiled before their byte code leaves memory for the store.
const BATCH: u64 = 128 << 20;

/// Byte code, ready to be laid into an image.
pub struct Made {
    /// One bundle for each package that has any, named like the package.
    pub bundles: Vec<Bundle>,
    /// How many files have byte code.
    pub files: usize,
    /// How many were compiled just now, successfully or not: the others were kept from before.
    pub compiled: usize,
    /// Files that were to have some and have none, in the order of paths.
    pub skipped: Vec<Skipped>,
}

/// A file without byte code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The source.
    pub path: RootPath,
    /// Why.
    pub reason: Reason,
}

/// Makes the byte code of those of the packages' files that are `wanted`. For packages whose names were
/// settled: a name that two of them bring would come out twice.
pub fn make(
    bundles: &[Bundle],
    wanted: &BTreeSet<RootPath>,
    compiler: &Compiler<'_>,
    lease: &Lease,
    progress: &dyn Progress,
) -> Result<Made, Error> {
    let mut jobs = Vec::new();
    for bundle in bundles {
        jobs.extend(Job::of(bundle, wanted, compiler, lease)?);
    }
    let count = compile(&mut jobs, compiler, lease, progress)?;
    let mut made = Made { bundles: Vec::new(), files: 0, compiled: count, skipped: Vec::new() };
    for job in jobs {
        made.add(job);
    }
    made.skipped.sort();
    Ok(made)
}

/// One package.
struct Job<'b> {
    bundle: &'b Bundle,
    sources: Vec<Source>,
    /// Its name in the store.
    name: String,
    kept: Option<Kept>,
}

impl<'b> Job<'b> {
    /// `None`: nothing is wanted of this package.
    fn of(
        bundle: &'b Bundle,
        wanted: &BTreeSet<RootPath>,
        compiler: &Compiler<'_>,
        lease: &Lease,
    ) -> Result<Option<Self>, Error> {
        let mut sources: Vec<Source> =
            bundle.parcel.items.iter().filter_map(|item| source(item, wanted)).collect();
        if sources.is_empty() {
            return Ok(None);
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let package = || bundle.parcel.package.name.clone();
        let key = kept::key(&compiler.identity, bundle.digest.as_ref(), &sources)
            .map_err(|source| Error::Content { path: package(), source })?;
        let name = key.hex();
        let kept = kept::find(lease, &name, sources.len())
            .map_err(|source| Error::Store { package: package(), source })?;
        Ok(Some(Self { bundle, sources, name, kept }))
    }

    fn bytes(&self) -> u64 {
        self.sources.iter().map(|source| source.content.size()).sum()
    }
}

fn source(item: &Item, wanted: &BTreeSet<RootPath>) -> Option<Source> {
    let ItemKind::File { content, .. } = &item.kind else { return None };
    let is_source = item.path.as_bytes().ends_with(b".py") && wanted.contains(&item.path);
    is_source.then(|| Source { path: item.path.clone(), content: content.clone() })
}

/// Compiles what is not kept; returns how many files that are.
fn compile(
    jobs: &mut [Job<'_>],
    compiler: &Compiler<'_>,
    lease: &Lease,
    progress: &dyn Progress,
) -> Result<usize, Error> {
    let mut missing: Vec<&mut Job<'_>> = jobs.iter_mut().filter(|job| job.kept.is_none()).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    let total = missing.iter().map(|job| job.bytes()).sum();
    let transfer =
        Transfer { what: "byte code".to_owned(), digest: None, total: Some(ByteSize(total)) };
    let watched = Watched::begin(progress, transfer);
    let mut rest = missing.as_mut_slice();
    let mut count = 0;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at_mut(batch(rest));
        count += compile_batch(batch, compiler, lease, &watched)?;
        rest = later;
    }
    watched.end(TransferOutcome::Done);
    Ok(count)
}

/// How many of the first jobs are done together: one at least.
fn batch(jobs: &[&mut Job<'_>]) -> usize {
    let mut bytes = 0;
    let fits = jobs.iter().take_while(|job| {
        bytes += job.bytes();
        bytes <= BATCH
    });
    fits.count().max(1)
}

fn compile_batch(
    jobs: &mut [&mut Job<'_>],
    compiler: &Compiler<'_>,
    lease: &Lease,
    watched: &Watched<'_>,
) -> Result<usize, Error> {
    let packages: Vec<&[Source]> = jobs.iter().map(|job| job.sources.as_slice()).collect();
    let verdicts = compiler.compile(&packages, watched)?;
    let mut rest = verdicts.compiled.as_slice();
    for job in jobs {
        let (own, later) = rest.split_at(job.sources.len());
        let kept = kept::keep(lease, &job.name, &verdicts.tag, own).map_err(|source| {
            Error::Store { package: job.bundle.parcel.package.name.clone(), source }
        })?;
        job.kept = Some(kept);
        rest = later;
    }
    Ok(verdicts.compiled.len())
}

impl Made {
    fn add(&mut self, job: Job<'_>) {
        let Some(Kept { tag, digest, files }) = job.kept else { return };
        let there: HashSet<&RootPath> =
            job.bundle.parcel.items.iter().map(|item| &item.path).collect();
        let mut items = Vec::new();
        for (source, file) in job.sources.into_iter().zip(files) {
            let path = cached(&source.path, &tag).ok_or(Reason::Unfit);
            match path.and_then(|path| Ok((path, file?))) {
                // What a package brings itself is its own business.
                Ok((path, _)) if there.contains(&path) => {}
                Ok((path, content)) => {
                    items.push(Item { path, kind: ItemKind::File { mode: 0o644, content } });
                }
                Err(reason) => self.skipped.push(Skipped { path: source.path, reason }),
            }
        }
        if items.is_empty() {
            return;
        }
        self.files += items.len();
        let package = job.bundle.parcel.package.clone();
        self.bundles.push(bundle(Parcel { package, items }, digest));
    }
}

fn bundle(parcel: Parcel, digest: Digest) -> Bundle {
    Bundle { parcel, digest: Some(digest), stage: Stage::Bytecode, last: None, shared: Vec::new() }
}

/// Where an interpreter looks for a file's byte code (*PEP 3147*). `None`: the name would be too long.
fn cached(path: &RootPath, tag: &str) -> Option<RootPath> {
    let (folder, name) = path.split_last()?;
    let stem = name.strip_suffix(b".py")?;
    let inner = [b"__pycache__/", stem, b".", tag.as_bytes(), b".pyc"].concat();
    folder.join(&inner).ok()
}
