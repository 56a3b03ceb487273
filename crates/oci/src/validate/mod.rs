//! Every rule that an image breaks, not just the first.

mod documents;
mod layer;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use lightship_base::{Category, Diagnose, DiffId, Digest, Progress};
use rayon::prelude::*;
use serde::Serialize;

use crate::copy::Selection;
use crate::image::choose;
use crate::layer::Layer;
use crate::spec::{
    Config, Descriptor, Index, MAX_CONFIG_BYTES, MAX_INDEX_DEPTH, MAX_MANIFEST_BYTES, Manifest,
    ManifestKind,
};
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

/// Reads what `source` names (all of an index, or the one image of it that every other command would
/// take) and collects what is wrong. Where the network or this machine fails there is no verdict but an
/// error: a good image must not be called broken because a cable was pulled.
pub fn validate(
    source: &Arc<dyn Source>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<Validation, Error> {
    let root = source.root()?;
    let mut visit =
        Visit { source, selection, progress, seen: HashSet::new(), found: Validation::default() };
    visit.document(&root, 0)?;
    Ok(visit.found)
}

/// One walk over an image's documents and layers.
struct Visit<'a> {
    source: &'a Arc<dyn Source>,
    selection: &'a Selection,
    progress: &'a dyn Progress,
    /// Documents that were read: an index may name one a thousand times.
    seen: HashSet<Digest>,
    found: Validation,
}

impl Visit<'_> {
    /// A manifest or index, and everything below it.
    fn document(&mut self, at: &Descriptor, depth: usize) -> Result<(), Error> {
        if !self.seen.insert(at.digest) {
            return Ok(());
        }
        let place = format!("manifest {}", at.digest);
        let report = &mut Reporter::new(&mut self.found.violations, place);
        let bytes = match self.source.document(at, MAX_MANIFEST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => return report.failure(error),
        };
        self.found.manifests += 1;
        match ManifestKind::parse(&bytes) {
            Err(error) => report.error(Rule::Schema, error.to_string()),
            Ok(ManifestKind::Manifest(manifest)) => {
                documents::check_manifest(&manifest, at, report);
                return self.image(&manifest);
            }
            Ok(ManifestKind::Index(index)) => {
                documents::check_index(&index, at, report);
                if depth >= MAX_INDEX_DEPTH {
                    report.error(Rule::Schema, "indexes point to indexes without end".to_owned());
                    return Ok(());
                }
                return self.children(&index, depth);
            }
        }
        Ok(())
    }

    fn children(&mut self, index: &Index, depth: usize) -> Result<(), Error> {
        match self.selection {
            Selection::Everything => {
                index.manifests.iter().try_for_each(|child| self.document(child, depth + 1))
            }
            Selection::One(platform) => {
                let child = choose(index, platform.as_ref(), &self.source.name())?;
                self.document(&child, depth + 1)
            }
        }
    }

    /// One platform's image: config and layers.
    fn image(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let place = format!("config {}", manifest.config.digest);
        let report = &mut Reporter::new(&mut self.found.violations, place);
        let config = match self.source.document(&manifest.config, MAX_CONFIG_BYTES) {
            Ok(bytes) => match Config::parse(&bytes) {
                Ok(config) => Some(config),
                // An artifact's config may be anything; an image's may not.
                Err(_) if manifest.artifact_type.is_some() => return Ok(()),
                Err(error) => {
                    report.error(Rule::Schema, error.to_string());
                    None
                }
            },
            Err(error) => {
                report.failure(error)?;
                None
            }
        };
        if let Some(config) = &config {
            documents::check_config(config, manifest, report);
        }
        let diff_ids = config.map(|config| config.rootfs.diff_ids).unwrap_or_default();
        self.layers(manifest, &diff_ids)
    }

    fn layers(&mut self, manifest: &Manifest, diff_ids: &[DiffId]) -> Result<(), Error> {
        let layers: Vec<Layer> = (manifest.layers.iter().enumerate())
            .map(|(at, descriptor)| {
                let diff_id = diff_ids.get(at).copied();
                Layer::new(Arc::clone(self.source), at, descriptor.clone(), diff_id)
            })
            .collect();
        let checked = (layers.par_iter())
            .map(|layer| layer::check(layer, self.progress))
            .collect::<Result<Vec<_>, Error>>()?;
        for layer in checked {
            self.found.layers += u64::from(layer.read_to_its_end);
            self.found.violations.extend(layer.violations);
        }
        Ok(())
    }
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
    fn failure(&mut self, error: Error) -> Result<(), Error> {
        if error.category() != Category::BadInput {
            return Err(error);
        }
        let rule = match &error {
            Error::DigestMismatch { .. } => Rule::Digest,
            Error::SizeMismatch { .. } => Rule::Size,
            Error::Json { .. } => Rule::Schema,
            _ => Rule::Unreadable,
        };
        self.note(rule, Gravity::Error, None, chain(&error));
        Ok(())
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
