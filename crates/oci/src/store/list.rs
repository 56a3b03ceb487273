//! What images there are, and what each of them weighs.

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_cas::Error as CasError;

use super::{ImageRecord, ImageStore};
use crate::Error;
use crate::reference::ImageName;
use crate::spec::{Descriptor, Platform};

/// An image in the store, for a list. `shared + unique = total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// Its name.
    pub name: ImageName,
    /// The manifest or index that the name means.
    pub root: Descriptor,
    /// When the name was set.
    pub stored: Timestamp,
    /// The platforms that are stored.
    pub platforms: Vec<Platform>,
    /// All its blobs as they are stored, each counted once.
    pub total: ByteSize,
    /// Those of them that other names need, too. Two names of one image share everything.
    pub shared: ByteSize,
    /// The others: what removing this name and `gc` would free.
    pub unique: ByteSize,
    /// What is wrong with it: a blob that is missing, a manifest that cannot be read. Sizes then
    /// count what is there.
    pub damage: Option<String>,
}

/// The blobs of one image.
#[derive(Default)]
struct Contents {
    sizes: BTreeMap<Digest, u64>,
    damage: Option<String>,
}

impl ImageStore {
    /// All images, by name.
    pub fn list(&self) -> Result<Vec<ImageSummary>, Error> {
        let records = self.records()?;
        let tracer = self.tracer()?;
        let mut contents = Vec::with_capacity(records.len());
        let mut users: BTreeMap<Digest, u64> = BTreeMap::new();
        for (_, record) in &records {
            let of_image = self.contents(record, &|digest| tracer.children(digest))?;
            for digest in of_image.sizes.keys() {
                *users.entry(*digest).or_default() += 1;
            }
            contents.push(of_image);
        }
        let mut summaries: Vec<ImageSummary> = records
            .into_iter()
            .zip(contents)
            .map(|((name, record), contents)| summary(name, record, contents, &users))
            .collect();
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(summaries)
    }

    fn contents(
        &self,
        record: &ImageRecord,
        children: &dyn Fn(&Digest) -> Result<Vec<Digest>, CasError>,
    ) -> Result<Contents, Error> {
        let mut contents = Contents::default();
        let mut blobs: BTreeSet<Digest> = record.manifests.iter().map(|m| m.digest).collect();
        for manifest in &record.manifests {
            match children(&manifest.digest) {
                Ok(needed) => blobs.extend(needed),
                Err(error @ (CasError::NoSuchBlob { .. } | CasError::CorruptBlob { .. })) => {
                    contents.damage = Some(error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        for digest in blobs {
            match self.cas.size(&digest)? {
                Some(size) => {
                    contents.sizes.insert(digest, size);
                }
                None => {
                    contents.damage.get_or_insert_with(|| format!("blob {digest} is missing"));
                }
            }
        }
        Ok(contents)
    }
}

fn summary(
    name: ImageName,
    record: ImageRecord,
    contents: Contents,
    users: &BTreeMap<Digest, u64>,
) -> ImageSummary {
    let total = ByteSize(contents.sizes.values().sum());
    let mine = |(digest, _): &(&Digest, &u64)| users.get(digest) == Some(&1);
    let unique = ByteSize(contents.sizes.iter().filter(mine).map(|(_, size)| size).sum());
    ImageSummary {
        name,
        stored: record.stored,
        platforms: record.platforms(),
        root: record.root,
        total,
        shared: total - unique,
        unique,
        damage: contents.damage,
    }
}
