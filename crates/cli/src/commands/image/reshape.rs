//! Commands that write another image than they read: `squash`, `convert`.

use lightship_base::{ByteSize, Digest, Progress};
use lightship_oci::assembly::Assembly;
use lightship_oci::base::{self, Base};
use lightship_oci::compression::CompressionLevel;
use lightship_oci::convert::ConvertOptions;
use lightship_oci::copy::{CopyReport, Selection};
use lightship_oci::spec::{Compression, Descriptor, Flavour, MAX_MANIFEST_BYTES, Manifest};
use lightship_oci::squash::{self, SquashOptions};
use lightship_oci::{Error as OciError, Image, Source};

use super::super::{Context, Error, Outcome};
use crate::args::{ConvertArgs, Keep, SquashArgs};
use crate::images::Images;
use crate::views::audit::base_words;
use crate::views::transfer::{ConvertDocument, SquashDocument};

pub(super) fn squash(args: &SquashArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let image = images.image(&args.reference, args.platform.platform.as_ref())?;
    let (keep_layers, because) = kept(&image, &args.keep.clone().wish(), &images)?;
    let options =
        SquashOptions { keep_layers, compression: same_compression(&image), threads: threads() };
    let reading = context.reading();
    let squashed = squash::squash(&image, &options, images.scratch()?, reading.as_ref())?;
    let progress = context.progress();
    let report = write(&images, &squashed.image, &args.destination, progress.as_ref())?;
    let names = (args.reference.clone(), args.destination.clone());
    let document = SquashDocument::new(names, (keep_layers, because), &squashed, report.digest);
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

/// How many layers stay, and why.
fn kept(image: &Image, wish: &Keep, images: &Images<'_>) -> Result<(usize, String), Error> {
    let known =
        |base: Base| base.layers.map(|layers| (layers, format!("base: {}", base_words(&base))));
    match wish {
        Keep::Lowest(layers) => Ok((*layers, "as asked".to_owned())),
        Keep::Below(layer) => Ok((below(image, layer)?, format!("all below layer {layer}"))),
        Keep::Base(reference) => {
            let base = base::given(image, &images.image(reference, None)?)?;
            known(base).ok_or_else(|| unknown_base(image))
        }
        Keep::DetectedBase => base::detect(image, &images.candidates())
            .and_then(known)
            .ok_or_else(|| unknown_base(image)),
    }
}

fn below(image: &Image, layer: &crate::args::LayerId) -> Result<usize, Error> {
    let is_it = |digest: Digest| layer.is_start_of(&digest.hex());
    let mut found = image.layers();
    found.retain(|candidate| {
        is_it(candidate.descriptor().digest) || candidate.diff_id().is_some_and(|id| is_it(id.0))
    });
    match &found[..] {
        [only] => Ok(only.position()),
        [] => Err(Error::Oci(OciError::NotFound {
            what: format!("layer {layer}"),
            place: image.name(),
            hint: Some("`lightship image history --format json` has the digests".to_owned()),
        })),
        [..] => Err(Error::Oci(OciError::Unsupported {
            what: image.name(),
            reason: format!("{} of its layers begin with {layer}", found.len()),
            hint: Some("give more digits, or `--keep-layers`".to_owned()),
        })),
    }
}

fn unknown_base(image: &Image) -> Error {
    Error::Oci(OciError::Unsupported {
        what: image.name(),
        reason: "its base cannot be told, so it is not known which layers to keep".to_owned(),
        hint: Some(
            "name it with `--base`, or say `--keep-layers 0` to merge everything".to_owned(),
        ),
    })
}

/// The merged layer is compressed like the one that it begins with.
fn same_compression(image: &Image) -> CompressionLevel {
    let top = image.manifest().layers.last().and_then(|layer| layer.media_type.layer_compression());
    match top {
        Some(Compression::Zstd) => CompressionLevel::Zstd(9),
        Some(Compression::None) => CompressionLevel::None,
        _ => CompressionLevel::Gzip(6),
    }
}

pub(super) fn convert(args: &ConvertArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let image = images.image(&args.reference, args.platform.platform.as_ref())?;
    let options = ConvertOptions {
        compression: args.change.compression.map(|wish| wish.level),
        recompress: args.change.compression.is_some_and(|wish| wish.exactly),
        flavour: args.change.manifest.map(Flavour::from),
        threads: threads(),
    };
    let reading = context.reading();
    let scratch = images.scratch()?;
    let converted = lightship_oci::convert::convert(&image, &options, scratch, reading.as_ref())?;
    let progress = context.progress();
    let report = write(&images, &converted, &args.destination, progress.as_ref())?;
    let after = manifest_of(&converted)?;
    let document = ConvertDocument {
        source: args.reference.clone(),
        destination: args.destination.clone(),
        digest: report.digest,
        compressed_bytes_before: compressed(&image.manifest().layers),
        compressed_bytes_after: compressed(&after.layers),
        dropped_annotations: (image.manifest().annotations.keys())
            .filter(|name| !after.annotations.contains_key(*name))
            .cloned()
            .collect(),
    };
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

fn write(
    images: &Images<'_>,
    image: &Assembly,
    destination: &str,
    progress: &dyn Progress,
) -> Result<CopyReport, Error> {
    let destination = images.destination(destination)?;
    Ok(lightship_oci::copy::copy(image, &*destination, &Selection::Everything, progress)?)
}

fn manifest_of(image: &Assembly) -> Result<Manifest, Error> {
    let bytes = image.document(&image.root()?, MAX_MANIFEST_BYTES)?;
    let what = image.name();
    serde_json::from_slice(&bytes).map_err(|source| Error::Oci(OciError::Json { what, source }))
}

fn compressed(layers: &[Descriptor]) -> ByteSize {
    layers.iter().map(|layer| ByteSize(layer.size)).sum()
}

/// As many as the settings allow at once.
fn threads() -> u32 {
    u32::try_from(rayon::current_num_threads()).unwrap_or(u32::MAX)
}
