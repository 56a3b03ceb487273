//! What the readers of all ecosystems share: the list of packages, and who claims which file.

use std::collections::HashMap;

use lightship_base::ByteSize;

use super::claims::{Claims, PackageIndex};
use super::model::{Ecosystem, InventoryNote, Package};
use crate::os_release::OsRelease;
use crate::path;
use crate::purl::Purl;
use crate::tree::RealPaths;
use crate::{FileEntry, Tree};

/// An inventory in the making.
pub(super) struct Builder<'t> {
    pub(super) tree: &'t dyn Tree,
    pub(super) os: Option<OsRelease>,
    pub(super) packages: Vec<Package>,
    pub(super) notes: Vec<InventoryNote>,
    claims: HashMap<Ecosystem, Claims>,
    real_paths: RealPaths<'t>,
}

/// Content that was kept of a file, and whether that is all of it.
pub(super) struct Content<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) is_whole: bool,
    pub(super) layer: usize,
}

impl<'t> Builder<'t> {
    pub(super) fn new(tree: &'t dyn Tree) -> Self {
        let mut builder = Self {
            tree,
            os: None,
            packages: Vec::new(),
            notes: Vec::new(),
            claims: HashMap::new(),
            real_paths: RealPaths::new(tree),
        };
        // `etc/os-release` is usually a link to the second.
        builder.os = [&b"etc/os-release"[..], b"usr/lib/os-release"]
            .iter()
            .find_map(|path| builder.content(path))
            .map(|content| OsRelease::parse(content.bytes));
        builder
    }

    /// What was kept of a regular file.
    pub(super) fn content(&self, path: &[u8]) -> Option<Content<'t>> {
        let entry = self.tree.entry(path)?;
        let file = entry.file()?;
        let bytes = file.content?;
        Some(Content { bytes, is_whole: bytes.len() as u64 == file.size, layer: entry.layer })
    }

    /// What was kept of a file that is of use only in full; a note if it was cut.
    pub(super) fn whole_content(&mut self, path: &[u8]) -> Option<Content<'t>> {
        let content = self.content(path)?;
        if !content.is_whole {
            self.notes.push(InventoryNote::MetadataCut { path: path::display(path) });
        }
        Some(content)
    }

    /// Notes that a list of packages goes on after the last that is read.
    pub(super) fn note_if_cut(&mut self, list: &[u8], packages: usize) {
        if packages == crate::MOST_PACKAGES {
            self.notes.push(InventoryNote::MetadataCut { path: path::display(list) });
        }
    }

    pub(super) fn add(&mut self, package: Package) -> PackageIndex {
        self.packages.push(package);
        PackageIndex(self.packages.len() - 1)
    }

    pub(super) fn package(&mut self, index: PackageIndex) -> &mut Package {
        &mut self.packages[index.0]
    }

    /// A package with nothing counted yet.
    pub(super) fn blank(ecosystem: Ecosystem, name: &str, evidence: &[u8]) -> Package {
        Package {
            ecosystem,
            name: name.to_owned(),
            version: None,
            bytes: ByteSize::ZERO,
            file_count: 0,
            layer: None,
            evidence: path::display(evidence),
            purl: None,
            source: None,
            linked: Vec::new(),
            files: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Claims a file by the path in a package manager's list, which may lead through links. A path
    /// without a file is no claim, except for Python sources: bytecode that was kept without them
    /// still belongs to whoever brought them.
    pub(super) fn claim(&mut self, path: &[u8], owner: PackageIndex) {
        let Some(real) = self.real_paths.of(path) else { return };
        if self.file(&real).is_some() || real.ends_with(b".py") {
            self.claims_of(owner).claim_file(&real, owner);
        }
    }

    /// Claims what lies below a folder and is claimed by nobody more precisely.
    pub(super) fn claim_folder(&mut self, path: &[u8], owner: PackageIndex) {
        self.claims_of(owner).claim_folder(path, owner);
    }

    /// Who claims exactly this file in an ecosystem.
    pub(super) fn file_owner(&self, ecosystem: Ecosystem, path: &[u8]) -> Option<PackageIndex> {
        self.claims.get(&ecosystem)?.file_owner(path)
    }

    /// The owners of a file, at most one for each ecosystem.
    pub(super) fn owners(&self, path: &[u8]) -> impl Iterator<Item = PackageIndex> {
        Ecosystem::ALL.iter().filter_map(move |e| self.claims.get(e)?.owner(path))
    }

    pub(super) fn file(&self, path: &[u8]) -> Option<FileEntry<'t>> {
        self.tree.entry(path)?.file()
    }

    fn claims_of(&mut self, owner: PackageIndex) -> &mut Claims {
        self.claims.entry(self.packages[owner.0].ecosystem).or_default()
    }

    /// The package URL of a distribution's package; a note, once, where nothing says whose
    /// distribution it is.
    pub(super) fn distribution_purl(
        &mut self,
        kind: &str,
        (name, version, architecture): (&str, &str, &str),
    ) -> Option<String> {
        let vendor = self.os.as_ref().and_then(|os| os.id.clone().zip(os.distro()));
        let Some((vendor, distro)) = vendor else {
            if !self.notes.contains(&InventoryNote::UnknownDistribution) {
                self.notes.push(InventoryNote::UnknownDistribution);
            }
            return None;
        };
        let purl = Purl::new(kind, name)
            .with_namespace(&vendor)
            .with_version(version)
            .with_qualifier("arch", architecture)
            .with_qualifier("distro", &distro);
        Some(purl.to_string())
    }
}
