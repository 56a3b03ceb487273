//! Moving an image from any place to any other.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use lightship_base::{ByteSize, Digest, Progress, Transfer, TransferOutcome, Watched};
use rayon::prelude::*;

use crate::artifact::Artifact;
use crate::image::{descend, endless, read_manifest};
use crate::spec::{
    Compression, Descriptor, Flavour, Index, MAX_INDEX_DEPTH, Manifest, ManifestKind, MediaType,
    Platform,
};
use crate::{Destination, Error, Source};

/// Which of an index's images to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The index with everything it points to.
    Everything,
    /// The one image for a platform (this machine's where none is named); the index is left behind.
    One(Option<Platform>),
}

/// What a copy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// The digest that the destination's name now points to.
    pub digest: Option<Digest>,
    /// Blobs that moved.
    pub blobs_copied: u64,
    /// Blobs that were there already, or that a registry mounted.
    pub blobs_reused: u64,
    /// Bytes that moved.
    pub bytes_copied: ByteSize,
    /// Bytes that did not have to.
    pub bytes_reused: ByteSize,
}

/// What was found below a root: manifests from the leaves up, and the blobs they need.
#[derive(Default)]
struct Closure {
    manifests: Vec<(Descriptor, Vec<u8>)>,
    blobs: Vec<Descriptor>,
    seen: HashSet<Digest>,
}

/// Copies an image: blobs in parallel, then manifests, then the name. Nothing is visible at the
/// destination before everything is there.
pub fn copy(
    source: &dyn Source,
    destination: &dyn Destination,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<CopyReport, Error> {
    copy_with(source, &[], destination, selection, progress)
}

/// The same, with documents that belong to the image. A place that cannot hold them
/// ([`Destination::keeps_referrers`]) gets the image alone.
pub fn copy_with(
    source: &dyn Source,
    artifacts: &[Artifact],
    destination: &dyn Destination,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<CopyReport, Error> {
    let mut root = source.root()?;
    if let Selection::One(platform) = selection {
        root = descend(source, root, platform.as_ref())?.0;
    }
    let mut closure = Closure::default();
    closure.collect(source, &root, 0)?;

    let origin = source.mount_origin();
    let moved = AtomicU64::new(0);
    let outcomes = (closure.blobs.par_iter())
        .map(|blob| {
            let transfer = Transfer {
                what: kind(&blob.media_type).to_owned(),
                digest: Some(blob.digest),
                total: Some(ByteSize(blob.size)),
            };
            let watched = Watched::begin(progress, transfer);
            let advance = |bytes| {
                moved.fetch_add(bytes, Ordering::Relaxed);
                watched.advance(bytes);
            };
            let open = |offset| source.blob(blob, offset);
            let outcome = destination.put_blob(blob, origin.as_ref(), &open, &advance)?;
            watched.end(outcome);
            Ok((outcome, blob.size))
        })
        .collect::<Result<Vec<_>, Error>>()?;

    let (last, others) = closure.manifests.split_last().expect("collect always adds the root");
    for (descriptor, bytes) in others {
        destination.put_manifest(descriptor, bytes)?;
    }
    if destination.keeps_referrers() {
        artifacts.iter().try_for_each(|artifact| artifact.send(destination))?;
    }
    destination.finish(&last.0, &last.1)?;
    Ok(report(&outcomes, root.digest, moved.into_inner()))
}

fn report(outcomes: &[(TransferOutcome, u64)], digest: Digest, moved: u64) -> CopyReport {
    let mut report =
        CopyReport { digest: Some(digest), bytes_copied: ByteSize(moved), ..CopyReport::default() };
    for (outcome, size) in outcomes {
        match outcome {
            TransferOutcome::Done | TransferOutcome::Failed => report.blobs_copied += 1,
            TransferOutcome::AlreadyThere | TransferOutcome::Mounted => {
                report.blobs_reused += 1;
                report.bytes_reused += ByteSize(*size);
            }
        }
    }
    report
}

impl Closure {
    fn collect(&mut self, source: &dyn Source, at: &Descriptor, depth: usize) -> Result<(), Error> {
        if depth > MAX_INDEX_DEPTH {
            return Err(endless(source.name()));
        }
        if !self.seen.insert(at.digest) {
            return Ok(());
        }
        let (parsed, bytes) = read_manifest(source, at)?;
        match parsed {
            ManifestKind::Index(Index { manifests, .. }) => {
                for child in &manifests {
                    self.collect(source, child, depth + 1)?;
                }
            }
            ManifestKind::Manifest(Manifest { config, layers, .. }) => {
                for blob in layers.into_iter().chain([config]) {
                    if self.seen.insert(blob.digest) {
                        self.blobs.push(blob);
                    }
                }
            }
        }
        self.manifests.push((at.clone(), bytes));
        Ok(())
    }
}

fn kind(media_type: &MediaType) -> &'static str {
    match media_type {
        MediaType::Layer(..) | MediaType::ForeignLayer(..) => "layer",
        MediaType::Config(_) => "config",
        MediaType::Manifest(_) | MediaType::Index(_) => "manifest",
        MediaType::Empty | MediaType::Other(_) => "blob",
    }
}

/// The media type of a layer in a family, where there is one.
pub(crate) fn layer_type(flavour: Flavour, compression: Compression) -> Option<MediaType> {
    match (flavour, compression) {
        (Flavour::Docker, Compression::Zstd) | (_, Compression::Xz | Compression::Bzip2) => None,
        (flavour, compression) => Some(MediaType::Layer(flavour, compression)),
    }
}
