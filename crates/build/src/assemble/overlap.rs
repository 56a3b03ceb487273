//! Names that several packages bring. Installers let the one that is installed later win, so that the
//! result depends on their order; here the first by name has it, whatever the order, and the report says so.
//! What the project brings wins, as files that are copied last do. A file where another package has a folder
//! is an error: no image can have both.

use std::collections::HashMap;
use std::io;

use lightship_base::Digest;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, ItemKind, PackageId};

use super::{Bundle, Error, Stage, WrittenFile, layer};
use crate::notebooks::{Notebooks, Question};

/// What the bytes of a file are: some distributions are parts of others and bring a thousand files again.
const BYTES: Question = Question { name: "bytes", rules: 1 };

/// A name that two packages bring, and not with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The name.
    pub path: RootPath,
    /// Whose bytes are in the image.
    pub kept: PackageId,
    /// Whose are not.
    pub left_out: PackageId,
}

/// Leaves every name to one bundle. Equal files stay listed by all who brought them.
pub fn settle(bundles: &mut [Bundle], notebooks: &Notebooks) -> Result<Vec<Overlap>, Error> {
    let digest = |package: &PackageId, content: &Content| {
        notebooks.ask(BYTES, package, content, || layer::digest(content))
    };
    bundles.sort_by(|a, b| (a.stage, &a.parcel.package).cmp(&(b.stage, &b.parcel.package)));
    let mut owners: HashMap<RootPath, (PackageId, What)> = HashMap::new();
    let mut ground = Ground::default();
    let mut overlaps = Vec::new();
    let (project, packages): (Vec<&mut Bundle>, Vec<&mut Bundle>) =
        bundles.iter_mut().partition(|bundle| bundle.stage == Stage::Project);
    for bundle in project.into_iter().chain(packages) {
        let package = bundle.parcel.package.clone();
        let holds = Holds::of(bundle.stage);
        let mut failure = None;
        let mut shared = Vec::new();
        bundle.parcel.items.retain(|item| {
            let what = What::of(&item.kind);
            let (Some(what), Some((owner, theirs))) = (&what, owners.get(&item.path)) else {
                let name = (&item.path, &package);
                match ground.take(name, what.as_ref().is_some_and(|what| what.blocks(holds))) {
                    Ok(()) => {}
                    Err(clash) => drop(failure.get_or_insert(clash)),
                }
                owners.extend(what.map(|what| (item.path.clone(), (package.clone(), what))));
                return true;
            };
            match what.equals(theirs, |ours, theirs| {
                let ours = digest(&package, ours)?;
                Ok((ours == digest(owner, theirs)?).then_some(ours))
            }) {
                Ok(Some(file)) => shared.extend(file.written(&item.path)),
                Ok(None) => overlaps.push(Overlap {
                    path: item.path.clone(),
                    kept: owner.clone(),
                    left_out: package.clone(),
                }),
                Err(source) => {
                    failure.get_or_insert(Error::Content {
                        path: item.path.to_string(),
                        package: package.name.clone(),
                        source,
                    });
                }
            }
            false
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        bundle.shared = shared;
    }
    Ok(overlaps)
}

/// Which names are folders, and which cannot be.
#[derive(Default)]
struct Ground {
    /// Names that something lies below, or that are folders themselves, and who brought the first such.
    folders: HashMap<RootPath, PackageId>,
    /// Names that nothing can lie below.
    blocked: HashMap<RootPath, PackageId>,
}

impl Ground {
    /// Takes a name of a package; `blocks` if nothing can lie below it.
    fn take(
        &mut self,
        (path, package): (&RootPath, &PackageId),
        blocks: bool,
    ) -> Result<(), Error> {
        if blocks {
            if let Some(other) = self.folders.get(path) {
                return Err(clash(path, other, package));
            }
            self.blocked.insert(path.clone(), package.clone());
        }
        // Whatever is a folder is below folders that were looked at.
        let own = (!blocks).then(|| path.clone());
        for folder in own.into_iter().chain(path.ancestors()) {
            if folder.is_root() || self.folders.contains_key(&folder) {
                break;
            }
            if let Some(other) = self.blocked.get(&folder) {
                return Err(clash(&folder, other, package));
            }
            self.folders.insert(folder, package.clone());
        }
        Ok(())
    }
}

fn clash(path: &RootPath, first: &PackageId, second: &PackageId) -> Error {
    Error::Clash { path: path.to_string(), first: first.name.clone(), second: second.name.clone() }
}

/// What may lie below a link of a package.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Whatever another package has there: a distribution has links to folders, such as `lib` to `usr/lib`.
    Anything,
    /// Nothing.
    Nothing,
}

impl Holds {
    fn of(stage: Stage) -> Self {
        match stage {
            Stage::Base | Stage::Replaced | Stage::System | Stage::Made => Self::Anything,
            Stage::Packages | Stage::Bytecode | Stage::Project => Self::Nothing,
        }
    }
}

/// What can be at a name only once.
enum What {
    File(Content),
    Symlink(Vec<u8>),
}

/// What two packages agree about.
struct Agreed(Option<(Digest, u64)>);

impl Agreed {
    fn written(self, path: &RootPath) -> Option<WrittenFile> {
        self.0.map(|(digest, size)| WrittenFile { path: path.clone(), digest, size })
    }
}

impl What {
    fn of(kind: &ItemKind) -> Option<Self> {
        match kind {
            ItemKind::Folder { .. } => None,
            ItemKind::File { content, .. } => Some(Self::File(content.clone())),
            ItemKind::Symlink(target) => Some(Self::Symlink(target.clone())),
        }
    }

    /// Whether nothing can lie below it.
    fn blocks(&self, holds: Holds) -> bool {
        match self {
            Self::File(_) => true,
            Self::Symlink(_) => holds == Holds::Nothing,
        }
    }

    /// What both agree about, if they do; `same` compares the bytes of two files.
    fn equals(
        &self,
        other: &Self,
        same: impl FnOnce(&Content, &Content) -> io::Result<Option<Digest>>,
    ) -> io::Result<Option<Agreed>> {
        match (self, other) {
            (Self::Symlink(ours), Self::Symlink(theirs)) => {
                Ok((ours == theirs).then_some(Agreed(None)))
            }
            (Self::File(ours), Self::File(theirs)) if ours.size() == theirs.size() => {
                let size = ours.size();
                Ok(same(ours, theirs)?.map(|digest| Agreed(Some((digest, size)))))
            }
            (Self::File(_) | Self::Symlink(_), _) => Ok(None),
        }
    }
}
