//! Files that must be there, or must not: looked up in what the layers say, not in what some program in
//! the image says, so it works in images without a shell, too.

use lightship_oci::Image;
use lightship_oci::rootfs::{LayerIndex, NodeId, Tree, What, index_layer};
use rayon::prelude::*;

use super::check::{ExpectedFile, FileKind, FilesCheck};
use super::run::Subject;
use super::verdict::{Status, Verdict};

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;
/// So many components of a path are looked at, links included.
const MAX_STEPS: usize = 4_096;

/// An image's file system.
#[derive(Debug)]
pub(super) struct Contents {
    tree: Tree,
    layers: Vec<LayerIndex>,
}

impl Contents {
    /// Reads all layers, several at once, each verified.
    pub(super) fn read(image: &Image) -> Result<Self, String> {
        let read = || -> Result<Self, lightship_oci::Error> {
            let layers = image.consistent_layers()?;
            let layers: Vec<LayerIndex> = layers
                .par_iter()
                .map(|layer| index_layer(layer, &mut ()))
                .collect::<Result<_, _>>()?;
            let mut tree = Tree::new();
            for layer in &layers {
                tree.apply(layer);
            }
            Ok(Self { tree, layers })
        };
        read().map_err(|error| error.to_string())
    }

    /// What is at a path, with links followed inside the root; also the last one where `through` says so.
    fn find(&self, path: &str, through: bool) -> Option<NodeId> {
        let mut waiting: Vec<Box<[u8]>> = components(path.as_bytes());
        let (mut at, mut links, mut steps) = (Tree::ROOT, 0, 0);
        while let Some(name) = waiting.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return None;
            }
            if &*name == b".." {
                at = self.tree.node(at).parent;
                continue;
            }
            let What::Directory(children) = &self.tree.node(at).what else { return None };
            let child = *children.get(&name)?;
            match &self.tree.node(child).what {
                What::Symlink(target) if through || !waiting.is_empty() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        at = Tree::ROOT;
                    }
                    waiting.extend(components(target));
                }
                _ => at = child,
            }
        }
        Some(at)
    }

    fn kind(&self, id: NodeId) -> Option<FileKind> {
        match self.tree.node(id).what {
            What::Directory(_) => Some(FileKind::Folder),
            What::File(_) => Some(FileKind::File),
            What::Symlink(_) => Some(FileKind::Link),
            What::Special => None,
        }
    }

    /// What is wrong with a path, if anything.
    fn complaint(&self, wanted: &ExpectedFile) -> Option<String> {
        let path = &wanted.path;
        let through = wanted.kind != Some(FileKind::Link);
        let Some(id) = self.find(path, through) else {
            return Some(match self.find(path, false) {
                Some(_) if through => format!("{path} is a link that leads nowhere"),
                _ => format!("{path} is not there"),
            });
        };
        let kind = self.kind(id);
        if let Some(wanted) = wanted.kind.filter(|wanted| kind != Some(*wanted)) {
            let found = kind.map_or_else(|| "a device or pipe".to_owned(), |kind| kind.to_string());
            return Some(format!("{path} is {found}, not {wanted}"));
        }
        let wanted = wanted.mode?;
        match self.tree.meta(id, &self.layers) {
            Some(meta) if meta.mode != wanted => {
                Some(format!("{path} has mode {:04o}, not {wanted:04o}", meta.mode))
            }
            None => Some(format!("{path} has no mode of its own: only its contents imply it")),
            Some(_) => None,
        }
    }
}

/// Looks up every path.
pub(super) fn check(subject: &Subject<'_>, wanted: &FilesCheck, verdict: &mut Verdict) {
    let contents = match subject.contents() {
        Ok(contents) => contents,
        Err(error) => {
            verdict.status = Status::CouldNotRun;
            verdict.reasons.push(error.to_owned());
            return;
        }
    };
    for complaint in wanted.exist.iter().filter_map(|file| contents.complaint(file)) {
        verdict.fail(complaint);
    }
    for path in wanted.absent.iter().filter(|path| contents.find(path, false).is_some()) {
        verdict.fail(format!("{path} is there"));
    }
}

/// The components of a path, the last one first.
fn components(path: &[u8]) -> Vec<Box<[u8]>> {
    let parts = path.split(|byte| *byte == b'/');
    parts.rev().filter(|part| !part.is_empty() && *part != b".").map(Into::into).collect()
}
