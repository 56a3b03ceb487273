//! Every rule that an image breaks, not just the first.

mod documents;
mod layer;

use std::fmt;

use lightship_base::Progress;
use rayon::prelude::*;
use serde::Serialize;

use crate::layer::Layer;
use crate::spec::{Config, Descriptor, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Manifest, ManifestKind, Platform};
use crate::{Error, Source};

/// Which rule is broken. The names are stable and appear in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Something cannot be read at all.
    Unreadable,
    /// Bytes have another digest than their descriptor says.
    Digest,
    /// There are more or fewer bytes than the descriptor says.
    Size,
    /// An uncompressed layer has another digest than the config says.
    DiffId,
    /// Manifest and config disagree on the number of layers.
    LayerCount,
    /// History and layers disagree.
    History,
    /// A media type is unknown, contradicts its surroundings, or not what the bytes are.
    MediaType,
    /// A document breaks its schema.
    Schema,
    /// A layer's tar is broken.
    Tar,
    /// A path stands twice in one layer.
    DuplicatePath,
    /// A whiteout that is malformed, not empty, or no regular file.
    Whiteout,
    /// A path leaves the root.
    Traversal,
    /// A path begins with a slash; unpackers differ in what they make of it.
    AbsolutePath,
    /// A hard link whose target is not in its layer.
    HardLink,
    /// More layers than containerd and Docker can mount.
    TooManyLayers,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Tools cope, mostly.
    Warning,
    /// The image is broken.
    Error,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// How bad it is.
    pub gravity: Gravity,
    /// Where: `manifest sha256:…`, `layer 3 (sha256:…)`, `layer 3, /etc/passwd`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validation {
    /// Manifests that were read.
    pub manifests: u64,
    /// Layers that were read, each to its last byte.
    pub layers: u64,
    /// Everything that is wrong, in the order of the image's parts.
    pub violations: Vec<Violation>,
}

impl Validation {
    /// Whether nothing worse than a warning was found.
    pub fn is_valid(&self) -> bool {
        self.violations.iter().all(|violation| violation.gravity == Gravity::Warning)
    }
}

/// A hostile layer breaks a rule in each of its million entries; the first hundred of a kind say it.
const MAX_PER_RULE_AND_PLACE: usize = 100;

/// Reads everything that `source` names, or what it has for one platform, and collects what is wrong.
/// Only a root that cannot be found at all is an error.
pub fn validate(
    source: &std::sync::Arc<dyn Source>,
    platform: Option<&Platform>,
    progress: &dyn Progress,
) -> Result<Validation, Error> {
    let root = source.root()?;
    let mut found = Validation::default();
    visit(source, &root, platform, 0, progress, &mut found);
    Ok(found)
}

fn visit(
    source: &std::sync::Arc<dyn Source>,
    at: &Descriptor,
    platform: Option<&Platform>,
    depth: usize,
    progress: &dyn Progress,
    found: &mut Validation,
) {
    let place = format!("manifest {}", at.digest);
    let report = &mut Reporter::new(&mut found.violations, place);
    let bytes = match source.document(at, MAX_MANIFEST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => return report.failure(&error),
    };
    if bytes.len() as u64 != at.size {
        report.error(Rule::Size, format!("its descriptor says {} bytes, it has {}", at.size, bytes.len()));
    }
    found.manifests += 1;
    match ManifestKind::parse(&bytes) {
        Err(error) => report.error(Rule::Schema, error.to_string()),
        Ok(ManifestKind::Manifest(manifest)) => {
            documents::check_manifest(&manifest, at, report);
            image(source, &manifest, progress, found);
        }
        Ok(ManifestKind::Index(index)) => {
            documents::check_index(&index, at, report);
            if depth >= 4 {
                return report.error(Rule::Schema, "indexes point to indexes without end".to_owned());
            }
            let wanted = |child: &&Descriptor| match (platform, &child.platform) {
                (Some(wanted), Some(have)) => have.satisfies(wanted),
                _ => true,
            };
            for child in index.manifests.iter().filter(wanted) {
                visit(source, child, platform, depth + 1, progress, found);
            }
        }
    }
}

/// One platform's image: config and layers.
fn image(
    source: &std::sync::Arc<dyn Source>,
    manifest: &Manifest,
    progress: &dyn Progress,
    found: &mut Validation,
) {
    let place = format!("config {}", manifest.config.digest);
    let report = &mut Reporter::new(&mut found.violations, place);
    let config = match source.document(&manifest.config, MAX_CONFIG_BYTES) {
        Ok(bytes) => match Config::parse(&bytes) {
            Ok(config) => Some(config),
            // An artifact's config may be anything; an image's may not.
            Err(_) if manifest.artifact_type.is_some() => return,
            Err(error) => {
                report.error(Rule::Schema, error.to_string());
                None
            }
        },
        Err(error) => {
            report.failure(&error);
            None
        }
    };
    if let Some(config) = &config {
        documents::check_config(config, manifest, report);
    }
    let diff_ids = config.map(|config| config.rootfs.diff_ids).unwrap_or_default();
    let layers: Vec<Layer> = (manifest.layers.iter().enumerate())
        .map(|(at, descriptor)| {
            Layer::new(source.clone(), at, descriptor.clone(), diff_ids.get(at).copied())
        })
        .collect();
    let per_layer: Vec<Vec<Violation>> =
        layers.par_iter().map(|layer| layer::check(layer, progress)).collect();
    found.layers += layers.len() as u64;
    found.violations.extend(per_layer.into_iter().flatten());
}

/// Notes violations at one place, and no more of a kind than a person would read.
struct Reporter<'a> {
    into: &'a mut Vec<Violation>,
    place: String,
    counts: std::collections::HashMap<Rule, usize>,
}

impl<'a> Reporter<'a> {
    fn new(into: &'a mut Vec<Violation>, place: String) -> Self {
        Self { into, place, counts: std::collections::HashMap::new() }
    }

    fn error(&mut self, rule: Rule, message: String) {
        self.note(rule, Gravity::Error, None, message);
    }

    fn warning(&mut self, rule: Rule, message: String) {
        self.note(rule, Gravity::Warning, None, message);
    }

    /// Something that an operation on the way here already found out.
    fn failure(&mut self, error: &Error) {
        let rule = match error {
            Error::DigestMismatch { .. } => Rule::Digest,
            Error::SizeMismatch { .. } => Rule::Size,
            Error::Json { .. } => Rule::Schema,
            _ => Rule::Unreadable,
        };
        self.note(rule, Gravity::Error, None, chain(error));
    }

    fn note(&mut self, rule: Rule, gravity: Gravity, path: Option<String>, message: String) {
        let count = self.counts.entry(rule).or_default();
        *count += 1;
        let place = match path {
            Some(path) => format!("{}, {path}", self.place),
            None => self.place.clone(),
        };
        if *count <= MAX_PER_RULE_AND_PLACE {
            self.into.push(Violation { rule, gravity, place, message });
        } else if *count == MAX_PER_RULE_AND_PLACE + 1 {
            let message = "and more of the same kind, not listed".to_owned();
            self.into.push(Violation { rule, gravity, place: self.place.clone(), message });
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unreadable => "unreadable",
            Self::Digest => "digest",
            Self::Size => "size",
            Self::DiffId => "diff-id",
            Self::LayerCount => "layer-count",
            Self::History => "history",
            Self::MediaType => "media-type",
            Self::Schema => "schema",
            Self::Tar => "tar",
            Self::DuplicatePath => "duplicate-path",
            Self::Whiteout => "whiteout",
            Self::Traversal => "traversal",
            Self::AbsolutePath => "absolute-path",
            Self::HardLink => "hard-link",
            Self::TooManyLayers => "too-many-layers",
        })
    }
}
