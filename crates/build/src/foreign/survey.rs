//! Every name of an image, and what it says to have installed: read from its layers once, and kept.

use lightship_audit::{Account, Visible};
use lightship_base::{Digest, Progress};
use lightship_codec::tar::RootPath;
use lightship_oci::rootfs::{Body, Tree, What};
use lightship_packages::{Ecosystem, OwnedFiles, inventory};
use serde::{Deserialize, Serialize};

use crate::assemble::{Attributes, Existing};

/// Changes whenever the same image would be surveyed otherwise.
const VERSION: u32 = 1;

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    version: u32,
    /// The image.
    pub digest: Digest,
    /// Its layers, bottom first.
    pub layers: Vec<SurveyedLayer>,
    /// What it says to have installed, by name of kind and package.
    pub installed: Vec<Installed>,
    pub(super) names: Vec<Named>,
}

/// Sums over a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyedLayer {
    /// Bytes of its files, hidden ones included.
    pub content: u64,
    /// How many files.
    pub files: u64,
}

/// A package that an image says to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Installed {
    /// Its package URL, where there is one.
    pub purl: Option<String>,
    /// As its index writes it.
    pub name: String,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// The record that tells of it.
    pub evidence: String,
    /// Which of the image's layers brought the record, the lowest 0.
    pub layer: Option<usize>,
    /// Of a Python distribution its files; none of others.
    pub python_files: Option<Vec<String>>,
}

/// One visible name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// Its bytes, each as the character of its number: JSON has no other way for names that are no text.
    #[serde(rename = "p")]
    pub(super) path: String,
    #[serde(rename = "w")]
    pub(super) what: Thing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Thing {
    /// Mode, owner, group.
    Folder(u32, u64, u64),
    /// Mode, size.
    File(u32, u64),
    /// Target, written like a path.
    Link(String),
}

impl Named {
    pub(super) fn path(&self) -> Option<RootPath> {
        RootPath::parse(&bytes_of(&self.path)).ok()
    }
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

impl Survey {
    /// Reads every layer of an image.
    pub fn of(
        image: lightship_oci::Image,
        progress: &dyn Progress,
    ) -> Result<Self, lightship_oci::Error> {
        let digest = image.digest();
        let account = Account::of(image, progress)?;
        let totals = account.layer_totals();
        let layers = totals.iter().map(|totals| SurveyedLayer {
            content: totals.stored_bytes.bytes(),
            files: totals.file_count,
        });
        let installed = installed(&account);
        Ok(Self {
            version: VERSION,
            digest,
            layers: layers.collect(),
            installed,
            names: names(&account),
        })
    }

    #[cfg(test)]
    pub(super) fn made(
        digest: Digest,
        layers: Vec<SurveyedLayer>,
        installed: Vec<Installed>,
        names: Vec<Named>,
    ) -> Self {
        Self { version: VERSION, digest, layers, installed, names }
    }

    /// What [`Survey::to_bytes`] wrote; none of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|survey: &Self| survey.version == VERSION)
    }

    /// To be kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("its keys are strings")
    }

    /// Its folders.
    pub fn existing(&self) -> Existing {
        let folder = |named: &Named| match named.what {
            Thing::Folder(mode, uid, gid) => Some((named.path()?, Attributes { mode, uid, gid })),
            Thing::File(..) | Thing::Link(_) => None,
        };
        self.names.iter().filter_map(folder).collect()
    }
}

fn installed(account: &Account) -> Vec<Installed> {
    let found = inventory(&Visible(account), OwnedFiles::List);
    let one = |package: lightship_packages::Package| Installed {
        purl: package.purl,
        name: package.name,
        version: package.version,
        evidence: package.evidence,
        layer: package.layer,
        python_files: (package.ecosystem == Ecosystem::PyPi).then_some(package.files),
    };
    let mut installed: Vec<Installed> = found.packages.into_iter().map(one).collect();
    installed.sort();
    installed.dedup();
    installed
}

fn names(account: &Account) -> Vec<Named> {
    let layers = &account.layers;
    let tree = &account.tree;
    let thing = |id| {
        let meta = tree.meta(id, layers);
        let mode = meta.as_ref().map_or(0o755, |meta| meta.mode);
        let (uid, gid) = meta.map_or((0, 0), |meta| (meta.uid, meta.gid));
        Some(match &tree.node(id).what {
            What::Directory(_) => Thing::Folder(mode, uid, gid),
            What::Symlink(target) => Thing::Link(text_of(target)),
            What::File(inode) => {
                let origin = tree.inode(*inode).origin;
                let entry = &layers[origin.layer as usize].index.entries[origin.entry as usize];
                let Body::File { size, .. } = entry.body else { return None };
                Thing::File(mode, size)
            }
            What::Special => return None,
        })
    };
    let all = tree.walk(Tree::ROOT).skip(1);
    all.filter_map(|id| Some(Named { path: text_of(tree.path(id).as_bytes()), what: thing(id)? }))
        .collect()
}
