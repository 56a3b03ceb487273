//! From what a person wrote to the image it means.

use std::collections::BTreeSet;

use lightship_base::Digest;
use lightship_cas::Lease;

use super::{IMAGES, ImageRecord, ImageStore, not_found};
use crate::Error;
use crate::reference::{ImageName, StoreReference};
use crate::spec::Descriptor;

/// Fewer hex digits than this may be a word.
const MIN_PREFIX: usize = 6;

/// An image that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// One of its names.
    pub name: ImageName,
    /// What was meant: the record's root, or the one of its manifests whose digest was given.
    pub root: Descriptor,
    /// What the store knows about it.
    pub record: ImageRecord,
}

/// The names that Docker means by a short one, and under which `load` and `pull` store what it wrote.
fn long_names(name: &ImageName) -> impl Iterator<Item = ImageName> {
    let text = name.to_string();
    let prefixes = ["docker.io/library/", "docker.io/"];
    prefixes.into_iter().filter_map(move |prefix| format!("{prefix}{text}").parse().ok())
}

impl ImageStore {
    /// Finds an image by its name, or by the beginning of the digest of one of its manifests. A name
    /// of six or more hex digits without a tag is tried as a digest, too, where no image is so named.
    pub fn find(&self, reference: &StoreReference) -> Result<StoredImage, Error> {
        match reference {
            StoreReference::DigestPrefix(hex) => self.find_digest(reference, hex),
            StoreReference::Name(name) => {
                for name in [name.clone()].into_iter().chain(long_names(name)) {
                    if let Some(value) = self.cas.get_ref(IMAGES, &name.to_string())? {
                        let record = ImageRecord::from_value(&name.to_string(), value)?;
                        let root = record.root.clone();
                        return Ok(StoredImage { name, root, record });
                    }
                }
                match as_prefix(name) {
                    Some(hex) => self.find_digest(reference, hex),
                    None => Err(not_found(reference)),
                }
            }
        }
    }

    /// Whether [`ImageStore::find`] finds something, or would have to choose.
    pub fn has(&self, reference: &StoreReference) -> Result<bool, Error> {
        match self.find(reference) {
            Ok(_) | Err(Error::Invalid { .. }) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Finds an image and keeps it whole as long as `lease` lives.
    pub(super) fn pin(
        &self,
        lease: &Lease,
        reference: &StoreReference,
    ) -> Result<StoredImage, Error> {
        let found = self.find(reference)?;
        let name = found.name.to_string();
        let value = lease.pin(IMAGES, &name)?.ok_or_else(|| not_found(reference))?;
        let record = ImageRecord::from_value(&name, value)?;
        if record == found.record {
            return Ok(found);
        }
        // Its name was moved since it was found. A name means what it means now; a digest means that
        // digest, and it may be gone.
        match reference {
            StoreReference::Name(wanted) if *wanted == found.name => {
                Ok(StoredImage { name: found.name, root: record.root.clone(), record })
            }
            _ if record.has(&found.root.digest) => Ok(StoredImage { record, ..found }),
            _ => Err(not_found(reference)),
        }
    }

    /// The name to remove: the one given, or the only one that means the digest given.
    pub fn only_name(&self, reference: &StoreReference) -> Result<ImageName, Error> {
        if let StoreReference::Name(name) = reference {
            for candidate in [name.clone()].into_iter().chain(long_names(name)) {
                if self.cas.get_ref(IMAGES, &candidate.to_string())?.is_some() {
                    return Ok(candidate);
                }
            }
            if as_prefix(name).is_none() {
                return Ok(name.clone());
            }
        }
        let digest = self.find(reference)?.root.digest;
        let mut names: Vec<ImageName> = Vec::new();
        for (name, record) in self.records()? {
            if record.has(&digest) {
                names.push(name);
            }
        }
        match &names[..] {
            [] => Err(not_found(reference)),
            [only] => Ok(only.clone()),
            several => Err(ambiguous(reference, several)),
        }
    }

    fn find_digest(&self, reference: &StoreReference, hex: &str) -> Result<StoredImage, Error> {
        let mut found: Option<StoredImage> = None;
        let mut digests: BTreeSet<Digest> = BTreeSet::new();
        for (name, record) in self.records()? {
            let matching = record.manifests.iter().filter(|m| m.digest.hex().starts_with(hex));
            for root in matching {
                digests.insert(root.digest);
                // Better a name that means just this than one that means an index over it.
                let exact = |image: &StoredImage| image.root.digest == image.record.root.digest;
                let image =
                    StoredImage { name: name.clone(), root: root.clone(), record: record.clone() };
                if found.is_none() || (exact(&image) && !found.as_ref().is_some_and(exact)) {
                    found = Some(image);
                }
            }
        }
        if digests.len() > 1 {
            return Err(ambiguous(reference, &digests));
        }
        found.ok_or_else(|| not_found(reference))
    }

    /// All images and their names.
    pub(super) fn records(&self) -> Result<Vec<(ImageName, ImageRecord)>, Error> {
        let entries = self.cas.list_refs(IMAGES)?;
        let record = |entry: lightship_cas::RefEntry| {
            let name = entry
                .name
                .parse()
                .map_err(|error| Error::invalid("a name in the local store", format!("{error}")))?;
            Ok((name, ImageRecord::from_value(&entry.name, entry.value)?))
        };
        entries.into_iter().map(record).collect()
    }
}

/// The hex digits that a name without a tag may be. (`beefed:latest` means the same as `beefed`.)
fn as_prefix(name: &ImageName) -> Option<&str> {
    let is_hex = name.name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && name.tag == "latest" && (MIN_PREFIX..=64).contains(&name.name.len()))
        .then_some(&name.name)
}

fn ambiguous<T: ToString>(
    reference: &StoreReference,
    candidates: impl IntoIterator<Item = T>,
) -> Error {
    let list: Vec<String> = candidates.into_iter().map(|item| item.to_string()).collect();
    Error::invalid(format!("`{reference}`"), format!("it may mean any of {}", list.join(", ")))
}
