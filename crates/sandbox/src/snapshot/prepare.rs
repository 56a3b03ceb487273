//! From an image to folders that can be mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use lightship_base::{ByteSize, ChainId, Digest, Progress, Transfer, TransferOutcome};
use lightship_cas::{Lease, Tree, TreeKind};
use lightship_oci::Image;
use lightship_oci::layer::Layer;
use lightship_oci::rootfs::Meta;
use lightship_oci::tar::Mtime;
use rayon::prelude::*;

use super::about::{self, FS, SavedMeta};
use super::folders::Folders;
use super::plan::{Layers, Plan};
use super::unpack::{self, Watch};
use super::{Error, flat, plan, weight};

/// To whom the files of a snapshot belong on this machine's disk. Snapshots of different kinds are
/// different trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// To the very ids in the layer: root of this machine.
    Real,
    /// To the very ids in the layer, as seen inside a user namespace with subordinate ids: outside they
    /// belong to ids of the caller's range. [`prepare`] runs inside that namespace then.
    Mapped,
    /// To the caller, all of them. True owners are written beside them.
    Flattened,
}

/// What a folder looks like, its content aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderMeta {
    /// Permission bits with set-id and sticky.
    pub mode: u32,
    /// Owner, as in the image.
    pub uid: u64,
    /// Group, as in the image.
    pub gid: u64,
    /// Last change.
    pub mtime: Mtime,
    /// Extended attributes, none of overlayfs' own.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl From<Meta> for FolderMeta {
    fn from(Meta { mode, uid, gid, mtime, xattrs }: Meta) -> Self {
        Self { mode, uid, gid, mtime, xattrs: xattrs.map(|xattrs| *xattrs).unwrap_or_default() }
    }
}

impl From<FolderMeta> for Meta {
    fn from(FolderMeta { mode, uid, gid, mtime, xattrs }: FolderMeta) -> Self {
        Self { mode, uid, gid, mtime, xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs)) }
    }
}

/// An image whose files are on this machine, ready to be mounted.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Folders for overlayfs (`lowerdir`, mounted with `userxattr`), bottom first; at least one, no two
    /// the same. Nobody may write into them.
    pub layers: Vec<PathBuf>,
    /// What the root folder looks like. The root of an overlay is that of its upper folder, so whoever
    /// makes an upper folder gives it these.
    pub root: FolderMeta,
    /// Whether it is one folder because its layers cannot be stacked.
    pub flat: bool,
    /// To whom the files belong.
    pub ownership: Ownership,
    /// Keeps the folders from being collected. Hold it as long as they are mounted.
    pub lease: Lease,
}

/// Makes sure that everything of `image` is unpacked under `lease`: layers that are missing in
/// parallel, those that are there not at all. Processes that do the same at the same time do it
/// twice, and the slower throws its own away.
///
/// Takes threads of its own; not for a process that is about to fork.
pub fn prepare(
    image: &Image,
    lease: &Lease,
    ownership: Ownership,
    progress: &dyn Progress,
) -> Result<Prepared, Error> {
    Work::new(image, lease, ownership, progress)?.prepare()
}

/// Like [`prepare`], but as one folder whatever the layers are: for whoever cannot stack any.
pub fn prepare_flat(
    image: &Image,
    lease: &Lease,
    ownership: Ownership,
    progress: &dyn Progress,
) -> Result<Prepared, Error> {
    let work = Work::new(image, lease, ownership, progress)?;
    let tree = work.flat_tree()?;
    Ok(Prepared {
        layers: vec![tree.path().join(FS)],
        root: plan::root_meta(tree.path()).into(),
        flat: true,
        ownership,
        lease: lease.clone(),
    })
}

/// Where trees of one ownership lie.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    snapshot: TreeKind,
    plan: TreeKind,
    flat: TreeKind,
}

impl Kinds {
    fn of(ownership: Ownership) -> Self {
        const fn kinds(snapshot: &'static str, plan: &'static str, flat: &'static str) -> Kinds {
            Kinds {
                snapshot: TreeKind::new(snapshot),
                plan: TreeKind::new(plan),
                flat: TreeKind::new(flat),
            }
        }
        const REAL: Kinds = kinds("snapshot-real", "plan-real", "flat-real");
        const MAPPED: Kinds = kinds("snapshot-mapped", "plan-mapped", "flat-mapped");
        const OWN: Kinds = kinds("snapshot-own", "plan-own", "flat-own");
        match ownership {
            Ownership::Real => REAL,
            Ownership::Mapped => MAPPED,
            Ownership::Flattened => OWN,
        }
    }
}

struct Work<'a> {
    layers: Vec<Layer>,
    diff_ids: Vec<Digest>,
    chain: Digest,
    kinds: Kinds,
    boot: String,
    lease: &'a Lease,
    ownership: Ownership,
    progress: &'a dyn Progress,
}

impl<'a> Work<'a> {
    fn new(
        image: &Image,
        lease: &'a Lease,
        ownership: Ownership,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Ok(Self {
            layers: image.consistent_layers()?,
            diff_ids: image.diff_ids().iter().map(|diff_id| diff_id.0).collect(),
            // Without layers, any name will do that no image with layers has.
            chain: image.chain_ids().last().map_or_else(|| Digest::of(b""), |ChainId(top)| *top),
            kinds: Kinds::of(ownership),
            boot: weight::this_boot(),
            lease,
            ownership,
            progress,
        })
    }

    fn prepare(&self) -> Result<Prepared, Error> {
        let (tree, plan) = match self.known_plan()? {
            Some(known) => known,
            None => self.make_plan()?,
        };
        let mut folders: Vec<PathBuf> = if plan.flat.is_some() {
            vec![self.flat_tree()?.path().join(FS)]
        } else {
            let snapshots = self.snapshots()?;
            plan.layers.iter().map(|at| snapshots[*at].path().join(FS)).collect()
        };
        if plan.has_folders || folders.is_empty() {
            folders.push(tree.path().join(FS));
        }
        Ok(Prepared {
            layers: folders,
            root: Meta::from(plan.root).into(),
            flat: plan.flat.is_some(),
            ownership: self.ownership,
            lease: self.lease.clone(),
        })
    }

    /// A tree that is there and whole. One that lost something to a power failure is thrown away.
    fn usable(&self, tree: Option<Tree>) -> Result<Option<Tree>, Error> {
        let Some(tree) = tree else { return Ok(None) };
        if weight::is_whole(tree.path(), &self.boot) {
            return Ok(Some(tree));
        }
        self.lease.discard_tree(&tree)?;
        Ok(None)
    }

    fn known_plan(&self) -> Result<Option<(Tree, Plan)>, Error> {
        let tree = self.usable(self.lease.tree(self.kinds.plan, &self.chain)?)?;
        let Some(tree) = tree else { return Ok(None) };
        let plan: Option<Plan> = about::read(tree.path());
        let count = self.layers.len();
        let fits = |plan: &Plan| {
            plan.version == about::VERSION && plan.layers.iter().all(|at| *at < count)
        };
        if let Some(plan) = plan.filter(fits) {
            return Ok(Some((tree, plan)));
        }
        self.lease.discard_tree(&tree)?;
        Ok(None)
    }

    /// Every layer's snapshot, bottom first, those made that were missing.
    fn snapshots(&self) -> Result<Vec<Tree>, Error> {
        let found = self.lease.trees(self.kinds.snapshot, &self.diff_ids)?;
        let mut found: BTreeMap<Digest, Option<Tree>> =
            self.diff_ids.iter().copied().zip(found).collect();
        for tree in found.values_mut() {
            *tree = self.usable(tree.take())?;
        }
        let mut seen = BTreeSet::new();
        let mut missing: Vec<(&Layer, Digest)> = (self.layers.iter().zip(&self.diff_ids))
            .map(|(layer, diff_id)| (layer, *diff_id))
            .filter(|(_, diff_id)| found[diff_id].is_none() && seen.insert(*diff_id))
            .collect();
        // The largest first, so that none is begun when all others are done.
        missing.sort_by_key(|(layer, _)| std::cmp::Reverse(layer.descriptor().size));
        let made: Vec<(Digest, Tree)> = missing
            .into_iter()
            .par_bridge()
            .map(|(layer, diff_id)| Ok((diff_id, self.snapshot(layer, &diff_id)?)))
            .collect::<Result<_, Error>>()?;
        found.extend(made.into_iter().map(|(diff_id, tree)| (diff_id, Some(tree))));
        let tree = |diff_id| found[diff_id].clone().expect("made if it was missing");
        Ok(self.diff_ids.iter().map(tree).collect())
    }

    fn snapshot(&self, layer: &Layer, diff_id: &Digest) -> Result<Tree, Error> {
        let writer = self.lease.tree_writer()?;
        let (_, weight) = watched(layer, "unpack", self.progress, |watch| {
            unpack::unpack(layer, writer.path(), self.ownership, watch)
        })?;
        weight::seal(writer.path(), weight, &self.boot)?;
        Ok(writer.publish(self.kinds.snapshot, diff_id, weight.bytes)?)
    }

    fn flat_tree(&self) -> Result<Tree, Error> {
        let found = self.usable(self.lease.tree(self.kinds.flat, &self.chain)?)?;
        if let Some(tree) = found {
            return Ok(tree);
        }
        let writer = self.lease.tree_writer()?;
        let weight = flat::unpack(&self.layers, writer.path(), self.ownership, self.progress)?;
        weight::seal(writer.path(), weight, &self.boot)?;
        Ok(writer.publish(self.kinds.flat, &self.chain, weight.bytes)?)
    }

    fn make_plan(&self) -> Result<(Tree, Plan), Error> {
        let snapshots = self.snapshots()?;
        let paths = snapshots.iter().map(|tree| tree.path().to_owned());
        let diff_ids = self.diff_ids.iter().map(|diff_id| lightship_base::DiffId(*diff_id));
        let mut layers = Layers::open(paths.zip(diff_ids).collect())?;
        let (flat, root, added) = match decide(&mut layers)? {
            Decision::Stack { root, added } => (None, root, added),
            Decision::Flat(reason) => {
                (Some(reason), plan::root_meta(self.flat_tree()?.path()), BTreeMap::new())
            }
        };
        let plan = Plan {
            version: about::VERSION,
            layers: if flat.is_some() { Vec::new() } else { layers.to_stack() },
            flat,
            has_folders: !added.is_empty(),
            root: SavedMeta::from(&root),
        };
        let writer = self.lease.tree_writer()?;
        let (mut walker, setter) = unpack::make_root(writer.path(), self.ownership)?;
        let mut folders = Folders::new();
        folders.declared(Vec::new(), root);
        for (path, meta) in added {
            folders.declared(path, meta);
        }
        flat::make_folders(&folders, &mut walker)?;
        let mut weight = weight::count(&writer.path().join(FS))?;
        folders.finish(&mut walker, &setter).map_err(|(path, refused)| {
            unpack::entry_error("the plan of the image", &path, refused.into())
        })?;
        weight.add(2, about::write(writer.path(), &plan)?);
        weight::seal(writer.path(), weight, &self.boot)?;
        Ok((writer.publish(self.kinds.plan, &self.chain, weight.bytes)?, plan))
    }
}

/// How an image is laid out.
enum Decision {
    /// Layer on layer, these folders on top.
    Stack { root: Meta, added: BTreeMap<Vec<u8>, Meta> },
    /// As one folder, for this reason.
    Flat(String),
}

fn decide(layers: &mut Layers) -> Result<Decision, Error> {
    let decided = match layers.obstacle() {
        Ok(Some(reason)) => return Ok(Decision::Flat(reason)),
        Ok(None) => layers
            .meta(b"")
            .and_then(|root| Ok(Decision::Stack { root, added: layers.folders_to_add()? })),
        Err(error) => Err(error),
    };
    match decided {
        // An ordinary user may not enter some of his own folders, if the image says so.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            Ok(Decision::Flat("it has folders that may not be entered".to_owned()))
        }
        decided => decided,
    }
}

/// Does something with a layer while somebody watches.
pub(super) fn watched<T>(
    layer: &Layer,
    verb: &str,
    progress: &dyn Progress,
    work: impl FnOnce(Watch<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let id = progress.begin(Transfer {
        what: format!("{verb} layer {}", layer.position() + 1),
        digest: Some(layer.descriptor().digest),
        total: Some(ByteSize(layer.descriptor().size)),
    });
    let result = work(Watch { progress, id });
    let outcome = if result.is_ok() { TransferOutcome::Done } else { TransferOutcome::Failed };
    progress.end(id, outcome);
    result
}
