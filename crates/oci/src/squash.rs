//! Merging the layers above a base into one, without touching the base or the filesystem.
//!
//! Two passes, both streams. The first indexes all layers and builds the union filesystem twice: up to
//! the base, and to the top. Their difference is the new layer: [`plan`] lists it. The second pass
//! copies the contents that survive from the old layers to the new one. Memory holds names, never
//! contents.

mod emit;
mod plan;

use std::path::Path;
use std::sync::Arc;

use lightship_base::{ByteSize, DiffId, HashingWriter, Progress};
use rayon::prelude::*;

use crate::assembly::{Assembly, BlobFile, FinishedBlob, stream_error};
use crate::compression::{CompressionLevel, encoder};
use crate::copy::layer_type;
use crate::history::History;
use crate::layer::Layer;
use crate::rootfs::{LayerIndex, Tree, index_watched};
use crate::spec::{Config, Descriptor, HistoryEntry, MediaType};
use crate::tar::TarWriter;
use crate::{Error, Image};

/// What to merge and how to write it.
#[derive(Debug, Clone, Copy)]
pub struct SquashOptions {
    /// How many layers stay as they are, counted from the bottom.
    pub keep_layers: usize,
    /// How the new layer is compressed.
    pub compression: CompressionLevel,
    /// Threads for its compression; never shows in the bytes.
    pub threads: u32,
}

/// A squashed image, and what squashing saved.
pub struct Squashed {
    /// The new image; copy it to where it shall be.
    pub image: Assembly,
    /// Layers before.
    pub layers_before: usize,
    /// Layers after.
    pub layers_after: usize,
    /// Compressed bytes of all layers before.
    pub compressed_before: ByteSize,
    /// Compressed bytes of all layers after.
    pub compressed_after: ByteSize,
    /// Uncompressed bytes of the merged layers before.
    pub merged_before: ByteSize,
    /// Uncompressed bytes of the one layer that replaces them.
    pub merged_after: ByteSize,
}

/// Merges all layers above the first `keep_layers` into one.
pub fn squash(
    image: &Image,
    options: &SquashOptions,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Squashed, Error> {
    let layers = image.consistent_layers()?;
    check(image, &layers, options)?;
    let indexes = (layers.par_iter())
        .map(|layer| {
            index_watched(layer, &mut (), format!("read layer {}", layer.position() + 1), progress)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let (base, top) = build_trees(image, &indexes, options.keep_layers)?;
    let plan = plan::plan(&base, &top, &indexes, options.keep_layers);
    let merged = write_layer(&layers, &plan, options, scratch, progress)?;
    let merged_before =
        indexes[options.keep_layers..].iter().map(|i| i.facts.uncompressed_bytes).sum();
    Ok(assemble(image, &layers, options, merged, ByteSize(merged_before)))
}

fn check(image: &Image, layers: &[Layer], options: &SquashOptions) -> Result<(), Error> {
    let unsupported = |reason: String, hint: &str| {
        Err(Error::Unsupported { what: image.name(), reason, hint: Some(hint.to_owned()) })
    };
    if options.keep_layers >= layers.len() {
        return unsupported(
            format!(
                "it has {} layers, so none is left to merge above {}",
                layers.len(),
                options.keep_layers
            ),
            "keep fewer layers with `--keep-layers`",
        );
    }
    let flavour = image.manifest().flavour();
    if layer_type(flavour, options.compression.compression()).is_none() {
        return unsupported(
            "Docker manifests have no media type for a zstd layer".to_owned(),
            "convert it to an OCI manifest first: `lightship image convert --manifest oci`",
        );
    }
    Ok(())
}

/// The union filesystem up to the base, and to the top.
fn build_trees(
    image: &Image,
    indexes: &[LayerIndex],
    keep_layers: usize,
) -> Result<(Tree, Tree), Error> {
    let mut tree = Tree::new();
    let mut base = tree.clone();
    for (at, index) in indexes.iter().enumerate() {
        if at == keep_layers {
            base = tree.clone();
        }
        if let Some(problem) = tree.apply(index).first() {
            let reason = format!("`{}` {}", problem.path, problem.kind);
            return Err(Error::invalid(format!("layer {} of {}", at + 1, image.name()), reason));
        }
    }
    Ok((base, tree))
}

/// A layer that was written.
struct Merged {
    blob: FinishedBlob,
    diff_id: DiffId,
    uncompressed: ByteSize,
}

fn write_layer(
    layers: &[Layer],
    plan: &plan::Plan,
    options: &SquashOptions,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Merged, Error> {
    let failed = |error| stream_error("the merged layer".to_owned(), error);
    let blob = BlobFile::create(scratch)?;
    let compressor = encoder(blob, options.compression, options.threads).map_err(failed)?;
    let mut tar = TarWriter::new(HashingWriter::new(compressor));
    emit::metadata(&mut tar, plan)?;
    for (position, contents) in &plan.contents {
        let layer = &layers[*position as usize];
        emit::contents(&mut tar, layer, contents, progress)?;
    }
    emit::links(&mut tar, plan)?;
    let hashed = tar.finish().map_err(emit::unwritable)?;
    let (diff_id, uncompressed, compressor) = hashed.finish();
    let blob = compressor.finish().map_err(failed)?.finish()?;
    Ok(Merged { blob, diff_id: DiffId(diff_id), uncompressed: ByteSize(uncompressed) })
}

fn assemble(
    image: &Image,
    layers: &[Layer],
    options: &SquashOptions,
    merged: Merged,
    merged_before: ByteSize,
) -> Squashed {
    let flavour = image.manifest().flavour();
    let keep = options.keep_layers;
    let mut assembly = Assembly::over(image.name(), Some(Arc::clone(image.source())));
    let media_type = layer_type(flavour, options.compression.compression())
        .expect("`check` refused what has no media type");

    let config = squashed_config(image, layers.len(), keep, merged.diff_id);
    let config = serde_json::to_vec(&config).expect("a config has string keys only");
    let mut manifest = image.manifest().clone();
    manifest.config = Descriptor {
        annotations: image.manifest().config.annotations.clone(),
        ..assembly.add_bytes(image.manifest().config.media_type.clone(), config)
    };
    manifest.layers.truncate(keep);
    manifest.layers.push(assembly.add_file(media_type, merged.blob));
    let size = |layers: &[Descriptor]| layers.iter().map(|layer| ByteSize(layer.size)).sum();
    let compressed_after = size(&manifest.layers);
    let root_type = manifest.media_type.clone().unwrap_or(MediaType::Manifest(flavour));
    assembly.set_root(root_type, &manifest);
    Squashed {
        image: assembly,
        layers_before: layers.len(),
        layers_after: keep + 1,
        compressed_before: size(&image.manifest().layers),
        compressed_after,
        merged_before,
        merged_after: merged.uncompressed,
    }
}

/// The history keeps every instruction: those of merged layers are marked as making none, and the last
/// of them is followed by one entry for the layer that holds them all. A layer below that it said
/// nothing about gets an empty entry, or the new one would be taken for that layer's.
fn squashed_config(image: &Image, layers: usize, keep: usize, diff_id: DiffId) -> Config {
    let mut config = image.config().clone();
    config.rootfs.diff_ids.truncate(keep);
    config.rootfs.diff_ids.push(diff_id);
    if config.history.is_empty() {
        return config;
    }
    let steps = History::of(image.config(), layers).steps;
    config.history = (steps.into_iter())
        .filter_map(|step| {
            let kept = step.layer.is_some_and(|layer| layer < keep);
            let entry = step.entry.or_else(|| kept.then(HistoryEntry::default))?;
            Some(HistoryEntry { empty_layer: !kept, ..entry })
        })
        .collect();
    let created = config.history.last().and_then(|entry| entry.created.clone());
    config.history.push(HistoryEntry {
        created,
        created_by: Some(format!("lightship squash: layers {} to {layers} merged", keep + 1)),
        ..HistoryEntry::default()
    });
    config
}
