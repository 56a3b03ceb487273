//! Reading what `docker save` writes.
//!
//! Since Docker 25 that is an OCI layout with a `manifest.json` beside it; from 1.10 to 24 it is
//! `manifest.json`, a config and a `layer.tar` for each layer. What `docker load` believes is
//! `manifest.json`, so that is what counts here, too. If the archive also holds the very OCI manifest
//! of that image, the image has that manifest; otherwise one is made up, of the same config and of the
//! layers as they are stored.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use lightship_base::{DiffId, Digest, HashingReader};
use rayon::prelude::*;

use super::Scratch;
use super::contents::Contents;
use super::index::Extent;
use super::saved::{MANIFEST_FILE, REPOSITORIES_FILE, SavedImage, choose, parse_manifest_json};
use crate::compression::detect;
use crate::layout::{
    self, INDEX_FILE, REF_NAME, blob_path, find_spelling, missing_blob, read_small,
};
use crate::spec::{
    Compression, Config, Descriptor, Flavour, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest,
    ManifestKind, MediaType,
};
use crate::{BlobReader, Error, Source, verified};

/// An image in an archive of Docker's.
#[derive(Debug)]
pub struct DockerArchiveSource {
    contents: Arc<Contents>,
    name: String,
    root: Descriptor,
    root_bytes: Vec<u8>,
    /// Where the config and the layers are, by digest.
    blobs: HashMap<Digest, Extent>,
}

impl DockerArchiveSource {
    /// Opens the image that `tag` (`name:tag`, or `@N` by its place) names, or the only one.
    pub fn open(file: &Path, tag: Option<&str>, scratch: &Scratch) -> Result<Self, Error> {
        Self::over(Arc::new(Contents::open(file, scratch)?), file, tag)
    }

    pub(super) fn over(
        contents: Arc<Contents>,
        file: &Path,
        tag: Option<&str>,
    ) -> Result<Self, Error> {
        let place = format!("docker-archive:{}", file.display());
        let images = list(&contents, &place)?;
        let image = &images[choose(&images, tag, &place)?];
        let parts = Parts::read(&contents, image, &place)?;
        let (media_type, root_bytes) = match parts.own_manifest(&contents, &place) {
            Some(own) => own,
            None => parts.made_up()?,
        };
        let mut root = Descriptor::of(media_type, &root_bytes);
        if let Some(name) = named(image, tag) {
            root.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        let blobs = parts.extents();
        let name = tag.map_or_else(|| place.clone(), |tag| format!("{place}:{tag}"));
        Ok(Self { contents, name, root, root_bytes, blobs })
    }
}

/// The name by which the image was found, as the archive spells it, or else its first.
fn named<'a>(image: &'a SavedImage, tag: Option<&str>) -> Option<&'a str> {
    let mut names = image.names().iter().map(String::as_str);
    let asked =
        tag.and_then(|tag| names.clone().find(|name| find_spelling([*name].into_iter(), tag)));
    asked.or_else(|| names.next())
}

impl Source for DockerArchiveSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        Ok(self.root.clone())
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        if descriptor.digest == self.root.digest {
            return Ok(self.root_bytes.clone());
        }
        let what = format!("{} of {}", verified::blob_name(descriptor), self.name);
        verified::document(self.blob(descriptor, 0)?, descriptor, limit, &what)
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let extent = match self.blobs.get(&descriptor.digest) {
            Some(extent) => Some(*extent),
            None => self.contents.find(&blob_path(&descriptor.digest))?,
        };
        match extent {
            Some(extent) => Ok(Box::new(self.contents.section(extent).skip(offset))),
            None => Err(missing_blob(descriptor, &self.name)),
        }
    }
}

pub(super) fn list(contents: &Arc<Contents>, place: &str) -> Result<Vec<SavedImage>, Error> {
    match read_small(contents, MANIFEST_FILE, MAX_MANIFEST_BYTES, place)? {
        Some(bytes) => parse_manifest_json(&bytes)
            .map_err(|source| Error::Json { what: format!("{MANIFEST_FILE} of {place}"), source }),
        None if contents.index().contains(REPOSITORIES_FILE) => Err(Error::Unsupported {
            what: place.to_owned(),
            reason: "it was written by Docker before 1.10, without a list of layers".to_owned(),
            hint: Some("load it into a Docker of today and save it again".to_owned()),
        }),
        None => Err(Error::Unsupported {
            what: place.to_owned(),
            reason: format!("it holds no image: neither {MANIFEST_FILE} nor {INDEX_FILE}"),
            hint: None,
        }),
    }
}

/// The parts of an image that `manifest.json` names.
struct Parts {
    config: Descriptor,
    config_extent: Extent,
    layers: Vec<(Descriptor, Extent)>,
}

impl Parts {
    fn read(contents: &Arc<Contents>, image: &SavedImage, place: &str) -> Result<Self, Error> {
        let config_extent = find(contents, &image.config, "config", place)?;
        let what =
            format!("config `{}` of {place}", crate::tar::display_path(image.config.as_bytes()));
        let bytes =
            read_small(contents, &image.config, MAX_CONFIG_BYTES, place)?.unwrap_or_default();
        let config =
            Config::parse(&bytes).map_err(|source| Error::Json { what: what.clone(), source })?;
        let paths = image.layers.as_deref().unwrap_or_default();
        let diff_ids = &config.rootfs.diff_ids;
        if paths.len() != diff_ids.len() {
            let reason =
                format!("it lists {} layers, and the archive has {}", diff_ids.len(), paths.len());
            return Err(Error::invalid(what, reason));
        }
        let layers = layers(contents, paths, diff_ids, place)?;
        Ok(Self {
            config: Descriptor::of(MediaType::Config(Flavour::Oci), &bytes),
            config_extent,
            layers,
        })
    }

    /// An OCI manifest of exactly these parts, if the archive is a layout that holds one. What cannot
    /// be understood on the way is not it.
    fn own_manifest(&self, contents: &Arc<Contents>, place: &str) -> Option<(MediaType, Vec<u8>)> {
        let (index, _) = layout::read_index(contents, place).ok()?;
        let mut waiting = index.manifests;
        for _ in 0..MAX_MANIFESTS {
            let descriptor = waiting.pop()?;
            let path = blob_path(&descriptor.digest);
            let Ok(Some(bytes)) = read_small(contents, &path, MAX_MANIFEST_BYTES, place) else {
                continue;
            };
            if Digest::of(&bytes) != descriptor.digest {
                continue;
            }
            match ManifestKind::parse(&bytes) {
                Ok(ManifestKind::Index(index)) => waiting.extend(index.manifests),
                Ok(ManifestKind::Manifest(manifest)) if self.are_those_of(&manifest) => {
                    return Some((descriptor.media_type, bytes));
                }
                Ok(ManifestKind::Manifest(_)) | Err(_) => {}
            }
        }
        None
    }

    fn are_those_of(&self, manifest: &Manifest) -> bool {
        let same = |a: &Descriptor, b: &Descriptor| a.digest == b.digest && a.size == b.size;
        same(&manifest.config, &self.config)
            && manifest.layers.len() == self.layers.len()
            && manifest
                .layers
                .iter()
                .zip(&self.layers)
                .all(|(theirs, (ours, _))| same(theirs, ours))
    }

    fn made_up(&self) -> Result<(MediaType, Vec<u8>), Error> {
        let media_type = MediaType::Manifest(Flavour::Oci);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media_type.clone()),
            artifact_type: None,
            config: self.config.clone(),
            layers: self.layers.iter().map(|(descriptor, _)| descriptor.clone()).collect(),
            subject: None,
            annotations: std::collections::BTreeMap::new(),
            extra: serde_json::Map::new(),
        };
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|source| Error::Json { what: "the manifest".to_owned(), source })?;
        Ok((media_type, bytes))
    }

    fn extents(&self) -> HashMap<Digest, Extent> {
        let layers = self.layers.iter().map(|(descriptor, extent)| (descriptor.digest, *extent));
        layers.chain([(self.config.digest, self.config_extent)]).collect()
    }
}

/// How many manifests of an archive's index are looked at. More are none of Docker's.
const MAX_MANIFESTS: usize = 1000;

/// The layers as they are stored. The digest of an uncompressed one is its diff ID (whoever reads it
/// will see); a compressed one has to be read for it. Several may be one file, which is read once.
fn layers(
    contents: &Contents,
    paths: &[String],
    diff_ids: &[DiffId],
    place: &str,
) -> Result<Vec<(Descriptor, Extent)>, Error> {
    let extents: Vec<Extent> =
        paths.iter().map(|path| find(contents, path, "layer", place)).collect::<Result<_, _>>()?;
    let mut distinct: Vec<(Extent, &String)> = extents.iter().copied().zip(paths).collect();
    distinct.sort_by_key(|(extent, _)| extent.offset);
    distinct.dedup_by_key(|(extent, _)| extent.offset);
    let stored: HashMap<u64, Stored> = distinct
        .par_iter()
        .map(|(extent, path)| {
            let stored = Stored::read(contents, *extent).map_err(|source| {
                let path = crate::tar::display_path(path.as_bytes());
                Error::Read { what: format!("layer `{path}` of {place}"), source }
            })?;
            Ok((extent.offset, stored))
        })
        .collect::<Result<_, Error>>()?;
    let descriptor = |extent: &Extent, diff_id: &DiffId| {
        let stored = &stored[&extent.offset];
        let digest = stored.compressed_digest.unwrap_or(diff_id.0);
        Descriptor::new(media_type_of(stored.compression), digest, extent.length)
    };
    Ok(extents.iter().zip(diff_ids).map(|(extent, id)| (descriptor(extent, id), *extent)).collect())
}

/// What a stored layer turned out to be.
struct Stored {
    compression: Compression,
    /// Of a compressed layer, the digest of its bytes as they are.
    compressed_digest: Option<Digest>,
}

impl Stored {
    fn read(contents: &Contents, extent: Extent) -> io::Result<Self> {
        let mut head = Vec::new();
        contents.section(extent).take(16).read_to_end(&mut head)?;
        let compression = detect(&head);
        if compression == Compression::None {
            return Ok(Self { compression, compressed_digest: None });
        }
        let mut hashing = HashingReader::new(contents.section(extent));
        io::copy(&mut hashing, &mut io::sink())?;
        Ok(Self { compression, compressed_digest: Some(hashing.finish().0) })
    }
}

/// `docker load` also takes layers in xz and bzip2, for which nobody defined a type.
fn media_type_of(compression: Compression) -> MediaType {
    match compression {
        Compression::None | Compression::Gzip | Compression::Zstd => {
            MediaType::Layer(Flavour::Oci, compression)
        }
        Compression::Xz | Compression::Bzip2 => {
            MediaType::Other(format!("application/vnd.oci.image.layer.v1.tar+{compression}"))
        }
    }
}

fn find(contents: &Contents, path: &str, what: &str, place: &str) -> Result<Extent, Error> {
    contents.find(path)?.ok_or_else(|| Error::NotFound {
        what: format!("{what} `{}`", crate::tar::display_path(path.as_bytes())),
        place: place.to_owned(),
        hint: Some("the archive is incomplete; save the image again".to_owned()),
    })
}
