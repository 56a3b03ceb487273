//! Names that several packages bring. Installers let the one that is installed later win, so that the
//! result depends on their order; here the first by name has it, whatever the order, and the report says so.
//! What the project brings wins, as files that are copied last do.

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
    let mut overlaps = Vec::new();
    let (project, packages): (Vec<&mut Bundle>, Vec<&mut Bundle>) =
        bundles.iter_mut().partition(|bundle| bundle.stage == Stage::Project);
    for bundle in project.into_iter().chain(packages) {
        let package = bundle.parcel.package.clone();
        let mut failure = None;
        let mut shared = Vec::new();
        bundle.parcel.items.retain(|item| {
            let Some(what) = What::of(&item.kind) else { return true };
            let Some((owner, theirs)) = owners.get(&item.path) else {
                owners.insert(item.path.clone(), (package.clone(), what));
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
