//! Counts: each visible file for its owners, or for nobody.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use lightship_base::ByteSize;

use super::OwnedFiles;
use super::builder::Builder;
use super::claims::PackageIndex;
use super::model::{Ecosystem, EcosystemTotal, Inventory, Unowned, UnownedFile};
use crate::{EntryKind, path};

/// One content with several names.
#[derive(Debug, Default)]
struct Links {
    size: u64,
    layer: usize,
    /// The smallest of its names, to speak of it.
    name: Vec<u8>,
    /// For each ecosystem the package with the strongest claim to any of the names.
    owners: BTreeMap<Ecosystem, PackageIndex>,
}

/// Sums while all files are visited.
struct Account<'b, 't> {
    builder: &'b Builder<'t>,
    files: OwnedFiles,
    tallies: Vec<Tally>,
    links: BTreeMap<u64, Links>,
    unowned: Unowned,
    /// The largest unowned files so far, the smallest of them on top.
    largest: BinaryHeap<Reverse<(u64, Reverse<Vec<u8>>)>>,
}

/// What one package was found to have.
#[derive(Debug, Default, Clone)]
struct Tally {
    bytes: u64,
    file_count: u64,
    files: Vec<String>,
    by_layer: HashMap<usize, u64>,
}

pub(super) fn count(mut builder: Builder<'_>, files: OwnedFiles) -> Inventory {
    let account = visit(&builder, files);
    let Account { tallies, mut unowned, largest, .. } = account;
    unowned.largest = largest
        .into_sorted_vec()
        .into_iter()
        .map(|Reverse((bytes, Reverse(path)))| UnownedFile {
            path: path::display(&path),
            bytes: bytes.into(),
        })
        .collect();
    for (package, mut tally) in builder.packages.iter_mut().zip(tallies) {
        package.bytes = tally.bytes.into();
        package.file_count = tally.file_count;
        tally.files.sort_unstable();
        package.files = tally.files;
        if package.layer.is_none() {
            let heaviest =
                tally.by_layer.into_iter().max_by_key(|(layer, bytes)| (*bytes, Reverse(*layer)));
            package.layer = heaviest.map(|(layer, _)| layer);
        }
    }
    let mut packages = builder.packages;
    packages.sort_by(|a, b| {
        let key = |p: &super::Package| (Reverse(p.bytes), p.ecosystem);
        key(a).cmp(&key(b)).then_with(|| {
            (&a.name, &a.version, &a.evidence).cmp(&(&b.name, &b.version, &b.evidence))
        })
    });
    Inventory {
        os: builder.os,
        ecosystems: totals(&packages),
        packages,
        unowned,
        notes: builder.notes,
    }
}

fn visit<'b, 't>(builder: &'b Builder<'t>, files: OwnedFiles) -> Account<'b, 't> {
    let mut account = Account {
        builder,
        files,
        tallies: vec![Tally::default(); builder.packages.len()],
        links: BTreeMap::new(),
        unowned: Unowned::default(),
        largest: BinaryHeap::new(),
    };
    builder.tree.visit(&mut |path, entry| {
        if let EntryKind::File(file) = entry.kind {
            account.count_name(path, file.size, file.hard_links, entry.layer);
        }
    });
    account.count_links();
    account
}

impl Account<'_, '_> {
    fn count_name(&mut self, path: &[u8], size: u64, hard_links: Option<u64>, layer: usize) {
        let owners: Vec<PackageIndex> = self.builder.owners(path).collect();
        for owner in &owners {
            let tally = &mut self.tallies[owner.0];
            tally.file_count += 1;
            if self.files == OwnedFiles::List {
                tally.files.push(path::display(path));
            }
        }
        if owners.is_empty() {
            self.unowned.file_count += 1;
        }
        match hard_links {
            Some(number) => self.remember_link(number, path, size, layer, &owners),
            None => self.count_content(path, size, layer, owners.into_iter()),
        }
    }

    fn remember_link(
        &mut self,
        number: u64,
        path: &[u8],
        size: u64,
        layer: usize,
        owners: &[PackageIndex],
    ) {
        let links = self.links.entry(number).or_default();
        if links.name.is_empty() || path < links.name.as_slice() {
            path.clone_into(&mut links.name);
        }
        links.size = size;
        links.layer = layer;
        for owner in owners {
            let ecosystem = self.builder.packages[owner.0].ecosystem;
            let strongest = links.owners.entry(ecosystem).or_insert(*owner);
            *strongest = (*strongest).min(*owner);
        }
    }

    fn count_links(&mut self) {
        for links in std::mem::take(&mut self.links).into_values() {
            let owners: Vec<PackageIndex> = links.owners.into_values().collect();
            self.count_content(&links.name, links.size, links.layer, owners.into_iter());
        }
    }

    fn count_content(
        &mut self,
        path: &[u8],
        size: u64,
        layer: usize,
        owners: impl ExactSizeIterator<Item = PackageIndex>,
    ) {
        if owners.len() == 0 {
            self.unowned.bytes += ByteSize(size);
            self.largest.push(Reverse((size, Reverse(path.to_vec()))));
            if self.largest.len() > Unowned::LISTED {
                self.largest.pop();
            }
        }
        for owner in owners {
            let tally = &mut self.tallies[owner.0];
            tally.bytes += size;
            *tally.by_layer.entry(layer).or_default() += size;
        }
    }
}

fn totals(packages: &[super::Package]) -> Vec<EcosystemTotal> {
    let total = |ecosystem: Ecosystem| {
        let of_it = || packages.iter().filter(move |p| p.ecosystem == ecosystem);
        EcosystemTotal {
            ecosystem,
            packages: of_it().count() as u64,
            bytes: of_it().map(|p| p.bytes).sum(),
            file_count: of_it().map(|p| p.file_count).sum(),
        }
    };
    Ecosystem::ALL.into_iter().map(total).filter(|total| total.packages > 0).collect()
}
