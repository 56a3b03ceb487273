//! Commands that only look: `history`, `diff`, `validate`.

use lightship_audit::Account;
use lightship_audit::diff::ImageDiff;
use lightship_base::{ByteSize, Progress};
use lightship_oci::history::History;
use lightship_oci::rootfs::{Body, LayerIndex, index_watched};
use lightship_oci::{Error as OciError, Image};
use rayon::prelude::*;

use super::super::{Context, Error, Outcome};
use super::transfer::selection;
use crate::args::{DiffArgs, HistoryArgs, ValidateArgs};
use crate::images::Images;
use crate::views;
use crate::views::diff::DiffDocument;
use crate::views::history::{HistoryDocument, LayerRow};
use crate::views::validate::ValidateDocument;

pub(super) fn history(args: &HistoryArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let image = images.image(&args.reference, args.platform.platform.as_ref())?;
    let layers = layer_rows(&image, context.reading().as_ref())?;
    let history = History::of(image.config(), layers.len());
    let document = HistoryDocument::new(args.reference.clone(), image.digest(), &history, &layers);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || views::history::text(&document, &look))?;
    Ok(Outcome::Fine)
}

/// Sizes and file counts are in the layers only, so they are read, several at a time.
fn layer_rows(image: &Image, progress: &dyn Progress) -> Result<Vec<LayerRow>, Error> {
    let indexes = (image.consistent_layers()?.par_iter())
        .map(|layer| {
            let what = format!("layer {}", layer.position() + 1);
            index_watched(layer, &mut (), what, progress)
        })
        .collect::<Result<Vec<LayerIndex>, OciError>>()?;
    Ok((indexes.iter().enumerate())
        .map(|(at, index)| LayerRow {
            layer: at + 1,
            digest: index.facts.digest,
            diff_id: index.facts.diff_id.0,
            compressed_bytes: ByteSize(index.facts.compressed_bytes),
            uncompressed_bytes: ByteSize(index.facts.uncompressed_bytes),
            file_count: files(index),
        })
        .collect())
}

fn files(index: &LayerIndex) -> u64 {
    let is_file = |body: &Body| matches!(body, Body::File { .. });
    index.entries.iter().filter(|entry| is_file(&entry.body)).count() as u64
}

pub(super) fn diff(args: &DiffArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let progress = context.reading();
    let account = |reference: &str| -> Result<Account, Error> {
        let image = images.image(reference, args.platform.platform.as_ref())?;
        Ok(Account::of(image, progress.as_ref())?)
    };
    let (before, after) = (account(&args.before)?, account(&args.after)?);
    let mut diff: ImageDiff = lightship_audit::diff::diff(&before, &after);
    diff.before.image.clone_from(&args.before);
    diff.after.image.clone_from(&args.after);
    let look = context.terminal.out.look;
    let document = DiffDocument(&diff);
    context.emit(args.output.format, &document, || views::diff::text(&diff, args.top, &look))?;
    Ok(Outcome::Fine)
}

pub(super) fn validate(args: &ValidateArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let source = images.source(&args.reference)?;
    let selection = selection(&args.platforms);
    let progress = context.reading();
    let found = lightship_oci::validate::validate(&source, &selection, progress.as_ref())?;
    let document = ValidateDocument::new(&args.reference, &found);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || views::validate::text(&document, &look))?;
    Ok(if found.is_valid() { Outcome::Fine } else { Outcome::Findings })
}
