//! Media types of manifests, configs and layers.

use std::fmt;

pub use lightship_codec::compression::Compression;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which of the two families a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// `application/vnd.oci.image.*`
    Oci,
    /// `application/vnd.docker.*`, schema 2
    Docker,
}

/// What the bytes behind a descriptor are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// One platform's manifest.
    Manifest(Flavour),
    /// An image index (OCI) or manifest list (Docker).
    Index(Flavour),
    /// An image's config.
    Config(Flavour),
    /// A layer. Docker has no type for zstd.
    Layer(Flavour, Compression),
    /// A layer that registries may refuse to hold (`nondistributable`, Docker's `foreign`).
    ForeignLayer(Flavour, Compression),
    /// `application/vnd.oci.empty.v1+json`, the two bytes `{}`.
    Empty,
    /// Anything else, as it was written.
    Other(String),
}

use Compression::{Gzip, None as Plain, Zstd};
use Flavour::{Docker, Oci};

/// The one table; reading and writing both go through it.
const TABLE: &[(&str, MediaType)] = &[
    ("application/vnd.oci.image.manifest.v1+json", MediaType::Manifest(Oci)),
    ("application/vnd.docker.distribution.manifest.v2+json", MediaType::Manifest(Docker)),
    ("application/vnd.oci.image.index.v1+json", MediaType::Index(Oci)),
    ("application/vnd.docker.distribution.manifest.list.v2+json", MediaType::Index(Docker)),
    ("application/vnd.oci.image.config.v1+json", MediaType::Config(Oci)),
    ("application/vnd.docker.container.image.v1+json", MediaType::Config(Docker)),
    ("application/vnd.oci.image.layer.v1.tar", MediaType::Layer(Oci, Plain)),
    ("application/vnd.oci.image.layer.v1.tar+gzip", MediaType::Layer(Oci, Gzip)),
    ("application/vnd.oci.image.layer.v1.tar+zstd", MediaType::Layer(Oci, Zstd)),
    ("application/vnd.docker.image.rootfs.diff.tar", MediaType::Layer(Docker, Plain)),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", MediaType::Layer(Docker, Gzip)),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        MediaType::ForeignLayer(Oci, Plain),
    ),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        MediaType::ForeignLayer(Oci, Gzip),
    ),
    (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        MediaType::ForeignLayer(Oci, Zstd),
    ),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        MediaType::ForeignLayer(Docker, Gzip),
    ),
    ("application/vnd.oci.empty.v1+json", MediaType::Empty),
];

impl MediaType {
    /// Whether this is an index or a manifest list.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::Index(_))
    }

    /// Whether this is one platform's manifest.
    pub fn is_manifest(&self) -> bool {
        matches!(self, Self::Manifest(_))
    }

    /// The compression that a layer's type promises; `None` for what is no layer.
    pub fn layer_compression(&self) -> Option<Compression> {
        match self {
            Self::Layer(_, compression) | Self::ForeignLayer(_, compression) => Some(*compression),
            Self::Manifest(_) | Self::Index(_) | Self::Config(_) | Self::Empty | Self::Other(_) => {
                None
            }
        }
    }
}

impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        // Parameters (`; charset=utf-8`) come from HTTP headers and change nothing.
        let essence = text.split(';').next().unwrap_or(text).trim();
        TABLE
            .iter()
            .find(|(name, _)| *name == essence)
            .map_or_else(|| Self::Other(text.to_owned()), |(_, media_type)| media_type.clone())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Other(text) = self {
            return f.write_str(text);
        }
        match TABLE.iter().find(|(_, media_type)| media_type == self) {
            Some((name, _)) => f.write_str(name),
            // A combination that no specification names, such as a Docker layer in zstd. Writers
            // refuse it; saying it plainly helps whoever reads the message.
            None => write!(f, "(no media type exists for {self:?})"),
        }
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_type_survives_the_round_trip() {
        for (name, media_type) in TABLE {
            assert_eq!(&MediaType::from(*name), media_type);
            assert_eq!(media_type.to_string(), *name);
        }
    }

    #[test]
    fn parameters_are_ignored_and_strangers_kept() {
        let with_parameter = "application/vnd.oci.image.index.v1+json; charset=utf-8";
        assert_eq!(MediaType::from(with_parameter), MediaType::Index(Oci));
        assert_eq!(MediaType::from("text/x-sbom").to_string(), "text/x-sbom");
    }
}
