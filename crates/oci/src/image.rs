//! One platform's image: its manifest, its config, its layers.

use std::fmt;
use std::sync::Arc;

use lightship_base::{ChainId, DiffId, Digest};

use crate::layer::Layer;
use crate::spec::{
    Config, Descriptor, Index, MAX_CONFIG_BYTES, MAX_INDEX_DEPTH, MAX_MANIFEST_BYTES, Manifest,
    ManifestKind, MediaType, Platform,
};
use crate::{Error, Source};

/// An image that can be read. Cheap to clone; holds documents only, never layers.
#[derive(Clone)]
pub struct Image {
    source: Arc<dyn Source>,
    descriptor: Descriptor,
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    config: Config,
    config_bytes: Vec<u8>,
}

impl Image {
    /// Opens what the source names. Of an index over several platforms it takes `wanted`, or this
    /// machine's platform where none is given, or the only one there is.
    pub fn open(source: Arc<dyn Source>, wanted: Option<&Platform>) -> Result<Self, Error> {
        let (descriptor, manifest, bytes) = descend(&*source, source.root()?, wanted)?;
        Self::assemble(source, descriptor, manifest, bytes)?.for_platform(wanted)
    }

    fn assemble(
        source: Arc<dyn Source>,
        descriptor: Descriptor,
        manifest: Manifest,
        manifest_bytes: Vec<u8>,
    ) -> Result<Self, Error> {
        if let Some(kind) = artifact_kind(&manifest) {
            return Err(Error::Unsupported {
                what: source.name(),
                reason: format!("it is an artifact ({kind}), not a container image"),
                hint: None,
            });
        }
        let config_bytes = source.document(&manifest.config, MAX_CONFIG_BYTES)?;
        let config = Config::parse(&config_bytes).map_err(|e| {
            json(format!("config {} of {}", manifest.config.digest, source.name()), e)
        })?;
        Ok(Self { source, descriptor, manifest, manifest_bytes, config, config_bytes })
    }

    fn for_platform(self, wanted: Option<&Platform>) -> Result<Self, Error> {
        match wanted {
            Some(wanted) if !self.config.platform().satisfies(wanted) => {
                Err(Error::NoSuchPlatform {
                    image: self.name(),
                    wanted: Box::new(wanted.clone()),
                    available: vec![self.config.platform()],
                })
            }
            _ => Ok(self),
        }
    }

    /// How a person calls it.
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// The manifest's digest: the image's identity in a registry.
    pub fn digest(&self) -> Digest {
        self.descriptor.digest
    }

    /// The pointer to the manifest.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's very bytes.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The config's very bytes.
    pub fn config_bytes(&self) -> &[u8] {
        &self.config_bytes
    }

    /// Where it is read from.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// The layers, bottom first. There are as many as the manifest lists; one without a counterpart
    /// among the config's diff IDs has none.
    pub fn layers(&self) -> Vec<Layer> {
        let diff_ids = &self.config.rootfs.diff_ids;
        (self.manifest.layers.iter().enumerate())
            .map(|(at, descriptor)| {
                let diff_id = diff_ids.get(at).copied();
                Layer::new(Arc::clone(&self.source), at, descriptor.clone(), diff_id)
            })
            .collect()
    }

    /// The layers of an image whose manifest and config agree on their number. Where they do not, half of
    /// what is said of it would be unverified or unseen: only validation looks at such an image.
    pub fn consistent_layers(&self) -> Result<Vec<Layer>, Error> {
        let (layers, diff_ids) = (self.layers(), self.diff_ids().len());
        if layers.len() == diff_ids {
            return Ok(layers);
        }
        Err(Error::Unsupported {
            what: self.name(),
            reason: format!("its manifest has {} layers, but its config {diff_ids}", layers.len()),
            hint: Some(
                "`lightship image validate` lists everything that is wrong with it".to_owned(),
            ),
        })
    }

    /// The diff IDs, bottom first.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.config.rootfs.diff_ids
    }

    /// The chain ID after each layer, bottom first.
    pub fn chain_ids(&self) -> Vec<ChainId> {
        ChainId::chain(self.diff_ids())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image").field("name", &self.name()).finish_non_exhaustive()
    }
}

fn json(what: String, source: serde_json::Error) -> Error {
    Error::Json { what, source }
}

/// Helm charts, SBOMs and signatures travel as manifests, too.
fn artifact_kind(manifest: &Manifest) -> Option<String> {
    match (&manifest.config.media_type, &manifest.artifact_type) {
        (MediaType::Empty, kind) => Some(kind.clone().unwrap_or_else(|| "empty config".to_owned())),
        // Old builders wrote odd config types; whether it parses as a config decides.
        (MediaType::Other(kind), _) if !kind.contains("json") => Some(kind.clone()),
        _ => None,
    }
}

/// Reads what may be a manifest or an index.
pub(crate) fn read_manifest(
    source: &dyn Source,
    at: &Descriptor,
) -> Result<(ManifestKind, Vec<u8>), Error> {
    let bytes = source.document(at, MAX_MANIFEST_BYTES)?;
    let parsed = ManifestKind::parse(&bytes)
        .map_err(|e| json(format!("manifest {} of {}", at.digest, source.name()), e))?;
    Ok((parsed, bytes))
}

/// Goes down through indexes to the manifest for a platform: its pointer, itself, its very bytes.
pub(crate) fn descend(
    source: &dyn Source,
    mut at: Descriptor,
    wanted: Option<&Platform>,
) -> Result<(Descriptor, Manifest, Vec<u8>), Error> {
    for _ in 0..=MAX_INDEX_DEPTH {
        match read_manifest(source, &at)? {
            (ManifestKind::Manifest(manifest), bytes) => return Ok((at, manifest, bytes)),
            (ManifestKind::Index(index), _) => at = choose(&index, wanted, &source.name())?,
        }
    }
    Err(endless(source.name()))
}

/// Indexes that are nested deeper than [`MAX_INDEX_DEPTH`].
pub(crate) fn endless(place: String) -> Error {
    Error::invalid(place, "its indexes point to indexes without end")
}

/// The manifest of an index that answers the wish for a platform.
pub(crate) fn choose(
    index: &Index,
    wanted: Option<&Platform>,
    image: &str,
) -> Result<Descriptor, Error> {
    let candidates: Vec<&Descriptor> =
        index.manifests.iter().filter(|descriptor| !descriptor.is_attestation()).collect();
    if let [only] = candidates[..]
        && (wanted.is_none() || only.platform.is_none())
    {
        return Ok(only.clone());
    }
    let host = Platform::host();
    let platform = wanted.unwrap_or(&host);
    let satisfying = |descriptor: &&&Descriptor| {
        descriptor.platform.as_ref().is_some_and(|have| have.satisfies(platform))
    };
    candidates.iter().find(satisfying).map(|descriptor| (**descriptor).clone()).ok_or_else(|| {
        Error::NoSuchPlatform {
            image: image.to_owned(),
            wanted: Box::new(platform.clone()),
            available: candidates.iter().filter_map(|d| d.platform.clone()).collect(),
        }
    })
}
