//! What packages say about themselves, read from what they bring into the image.

use std::collections::{BTreeMap, BTreeSet};

use lightship_packages::debian::parse_status;
use lightship_packages::parcel::{Content, Item, ItemKind, Parcel};
use lightship_packages::python::{normalise_name, parse_metadata};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Licence, licence};
use crate::assemble::{Bundle, Error};

/// What packages say, by name. Serialises, so that whoever keeps a plan can keep this with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Debian packages.
    pub debs: BTreeMap<String, PackageFacts>,
    /// Python distributions, by normalised name.
    pub python: BTreeMap<String, PackageFacts>,
    /// Records of an image below that are no longer true: their distributions gave way.
    #[serde(default)]
    pub replaced: BTreeSet<String>,
}

/// What one package says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// Its licences, as far as it names them in a word.
    pub licences: Vec<Licence>,
    /// Its source package, and that one's version where it differs: `glibc`, `util-linux 2.38.1`.
    pub source: Option<String>,
}

/// As much of a file as is read: headers and licence names stand near the beginning.
const HEAD_BYTES: u64 = 256 * 1024;

/// Which file it is, of those that say something.
enum Record {
    /// A wheel's `METADATA`.
    Python,
    /// A paragraph of dpkg's, in `status.d`.
    Status,
    /// The copyright file of the Debian package of this name.
    Copyright(String),
}

impl Facts {
    /// Reads what the parcels say. `bundles` are those that go into the image, before or after pruning:
    /// these files stay.
    pub fn of(bundles: &[Bundle]) -> Result<Self, Error> {
        let parcels = bundles.par_iter().map(|bundle| Self::of_parcel(&bundle.parcel));
        let mut facts = Self::default();
        for found in parcels.collect::<Result<Vec<_>, Error>>()? {
            facts.debs.extend_merged(found.debs);
            facts.python.extend_merged(found.python);
        }
        Ok(facts)
    }

    fn of_parcel(parcel: &Parcel) -> Result<Self, Error> {
        let mut facts = Self::default();
        for item in &parcel.items {
            let (Some(record), ItemKind::File { content, .. }) = (record(item), &item.kind) else {
                continue;
            };
            let bytes = head(content, item, parcel)?;
            facts.take(record, &bytes);
        }
        Ok(facts)
    }

    fn take(&mut self, record: Record, bytes: &[u8]) {
        match record {
            Record::Python => {
                let Some(metadata) = parse_metadata(bytes) else { return };
                let said = self.python.entry(normalise_name(&metadata.name)).or_default();
                said.licences = licence::of_python(&metadata);
            }
            Record::Status => {
                for package in parse_status(bytes) {
                    let source = package.source.map(|(name, version)| match version {
                        Some(version) => format!("{name} {version}"),
                        None => name,
                    });
                    self.debs.entry(package.name).or_default().source = source;
                }
            }
            Record::Copyright(package) => {
                let said = self.debs.entry(package).or_default();
                said.licences = licence::of_debian(&String::from_utf8_lossy(bytes));
            }
        }
    }
}

/// Two parcels may each say a part: the accounts of dpkg are not always in the package's own.
trait ExtendMerged {
    fn extend_merged(&mut self, other: Self);
}

impl ExtendMerged for BTreeMap<String, PackageFacts> {
    fn extend_merged(&mut self, other: Self) {
        for (name, new) in other {
            let known = self.entry(name).or_default();
            if !new.licences.is_empty() {
                known.licences = new.licences;
            }
            known.source = known.source.take().or(new.source);
        }
    }
}

fn head(content: &Content, item: &Item, parcel: &Parcel) -> Result<Vec<u8>, Error> {
    content.head(HEAD_BYTES).map_err(|source| Error::Content {
        path: item.path.to_string(),
        package: format!("{} {}", parcel.package.name, parcel.package.version),
        source,
    })
}

fn record(item: &Item) -> Option<Record> {
    let path = str::from_utf8(item.path.as_bytes()).ok()?;
    if let Some(name) = path.strip_prefix("var/lib/dpkg/status.d/") {
        let end = name.rsplit_once('.').map(|(_, end)| end);
        return (!matches!(end, Some("md5sums" | "list"))).then_some(Record::Status);
    }
    if let Some(rest) = path.strip_prefix("usr/share/doc/") {
        let package = rest.strip_suffix("/copyright")?;
        return (!package.contains('/')).then(|| Record::Copyright(package.to_owned()));
    }
    let folder = path.strip_suffix("/METADATA")?;
    let (site, folder) = folder.rsplit_once('/')?;
    // One inside another distribution is that one's own affair.
    (folder.ends_with(".dist-info") && site.ends_with("-packages")).then_some(Record::Python)
}
