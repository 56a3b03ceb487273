//! The same image in other clothes: another compression, another family of documents.

use std::io;
use std::path::Path;
use std::sync::Arc;

use lightship_base::Progress;
use rayon::prelude::*;

use crate::assembly::{Assembly, BlobFile, FinishedBlob, stream_error};
use crate::compression::{CompressionLevel, encoder};
use crate::copy::layer_type;
use crate::layer::Layer;
use crate::spec::{Compression, Flavour, Manifest, MediaType};
use crate::{Error, Image};

/// What to change; whatever is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConvertOptions {
    /// How to compress layers. Layers that already have the kind are left as they are, unless
    /// `recompress` says otherwise.
    pub compression: Option<CompressionLevel>,
    /// Compress again even what has the right kind: the level was asked for.
    pub recompress: bool,
    /// Which family of documents to write.
    pub flavour: Option<Flavour>,
    /// Threads for one layer's compression; never shows in the bytes.
    pub threads: u32,
}

/// Converts an image. The uncompressed layers, and so the diff IDs, config and filesystem, stay the
/// same to the byte. Temporary files go to `scratch` and vanish with the result.
pub fn convert(
    image: &Image,
    options: &ConvertOptions,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Assembly, Error> {
    let flavour = options.flavour.unwrap_or_else(|| image.manifest().flavour());
    let layers = image.consistent_layers()?;
    let options = &ConvertOptions { threads: per_layer(options.threads, layers.len()), ..*options };
    let blobs = (layers.par_iter())
        .map(|layer| match wanted(layer, flavour, options)? {
            Some(level) => recompress(layer, level, options.threads, scratch, progress).map(Some),
            None => Ok(None),
        })
        .collect::<Result<Vec<_>, Error>>()?;

    let mut assembly = Assembly::over(image.name(), Some(Arc::clone(image.source())));
    let mut manifest = image.manifest().clone();
    manifest.layers = (layers.iter().zip(blobs))
        .map(|(layer, blob)| match blob {
            Some((level, blob)) => {
                let media_type = typed(layer, flavour, level.compression())?;
                Ok(assembly.add_file(media_type, blob))
            }
            None => retyped(layer, flavour),
        })
        .collect::<Result<Vec<_>, Error>>()?;
    retype(&mut manifest, flavour, image)?;
    assembly.set_root(MediaType::Manifest(flavour), &manifest);
    Ok(assembly)
}

/// Layers are converted at the same time; the threads are shared among them.
fn per_layer(threads: u32, layers: usize) -> u32 {
    let layers = u32::try_from(layers).unwrap_or(u32::MAX);
    (threads / layers.clamp(1, threads.max(1))).max(1)
}

/// How a layer must be compressed anew, if at all.
fn wanted(
    layer: &Layer,
    flavour: Flavour,
    options: &ConvertOptions,
) -> Result<Option<CompressionLevel>, Error> {
    let Some(level) = options.compression else { return Ok(None) };
    if is_foreign(layer) {
        return Ok(None);
    }
    if layer_type(flavour, level.compression()).is_none() {
        return Err(no_type(layer, flavour, level.compression()));
    }
    let has = layer.detect_compression()?;
    Ok((options.recompress || has != level.compression()).then_some(level))
}

fn recompress(
    layer: &Layer,
    level: CompressionLevel,
    threads: u32,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<(CompressionLevel, FinishedBlob), Error> {
    let blob = stream(layer, level, threads, scratch, progress);
    Ok((level, blob.map_err(|error| layer.explain(error))?))
}

fn stream(
    layer: &Layer,
    level: CompressionLevel,
    threads: u32,
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<FinishedBlob, Error> {
    let failed = |error| stream_error(layer.name(), error);
    let what = format!("layer {} to {level}", layer.position() + 1);
    let mut reader = layer.read_watched(what, progress)?;
    let mut writer = encoder(BlobFile::create(scratch)?, level, threads).map_err(failed)?;
    io::copy(&mut reader, &mut writer).map_err(failed)?;
    reader.finish()?;
    writer.finish().map_err(failed)?.finish()
}

/// The pointer to a layer that keeps its bytes, typed for the family.
fn retyped(layer: &Layer, flavour: Flavour) -> Result<crate::spec::Descriptor, Error> {
    let mut descriptor = layer.descriptor().clone();
    descriptor.media_type = match descriptor.media_type {
        MediaType::ForeignLayer(_, Compression::Gzip) => {
            MediaType::ForeignLayer(flavour, Compression::Gzip)
        }
        MediaType::ForeignLayer(family, compression) if family != flavour => {
            return Err(no_type(layer, flavour, compression));
        }
        foreign @ MediaType::ForeignLayer(..) => foreign,
        _ => typed(layer, flavour, layer.detect_compression()?)?,
    };
    Ok(descriptor)
}

/// A layer that only its maker may hand out keeps its bytes: they are what its `urls` lead to, and
/// need not be at hand. Only gzip has a name in both families.
fn is_foreign(layer: &Layer) -> bool {
    matches!(layer.descriptor().media_type, MediaType::ForeignLayer(..))
}

fn typed(layer: &Layer, flavour: Flavour, compression: Compression) -> Result<MediaType, Error> {
    layer_type(flavour, compression).ok_or_else(|| no_type(layer, flavour, compression))
}

fn no_type(layer: &Layer, flavour: Flavour, compression: Compression) -> Error {
    let family = match flavour {
        Flavour::Oci => "OCI",
        Flavour::Docker => "Docker",
    };
    Error::Unsupported {
        what: layer.name(),
        reason: format!("{family} manifests have no media type for a {compression} layer"),
        hint: Some("add `--compression gzip`, or write an OCI manifest".to_owned()),
    }
}

/// Docker's documents know neither annotations nor subjects.
fn retype(manifest: &mut Manifest, flavour: Flavour, image: &Image) -> Result<(), Error> {
    manifest.media_type = Some(MediaType::Manifest(flavour));
    manifest.config.media_type = MediaType::Config(flavour);
    if flavour == Flavour::Docker && manifest.subject.is_some() {
        return Err(Error::Unsupported {
            what: image.name(),
            reason: "it belongs to another image (`subject`), which Docker's manifests cannot say"
                .to_owned(),
            hint: None,
        });
    }
    if flavour == Flavour::Docker {
        manifest.annotations.clear();
    }
    Ok(())
}
