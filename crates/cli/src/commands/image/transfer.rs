//! Commands that move one image: `copy`, `pull`, `push`, `save`.

use std::sync::Arc;

use lightship_oci::copy::Selection;
use lightship_oci::reference::{ImageName, Reference, StoreReference, Target};
use lightship_oci::{Destination, Source};

use super::super::{Context, Error, Outcome};
use crate::args::{
    ArchiveFormat, CopyArgs, Format, PlatformWish, PlatformsArgs, PullArgs, PushArgs, SaveArgs,
};
use crate::images::Images;
use crate::views::transfer::CopyDocument;

fn transfer(
    from: (String, Arc<dyn Source>),
    to: (String, Box<dyn Destination>),
    selection: &Selection,
    format: Format,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    let progress = context.progress();
    let report = lightship_oci::copy::copy(&*from.1, &*to.1, selection, progress.as_ref())?;
    let document = CopyDocument::new(from.0, to.0, &report);
    context.emit(format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

/// Which of an index's images were asked for.
pub(super) fn selection(platforms: &PlatformsArgs) -> Selection {
    match platforms.clone().wish() {
        PlatformWish::All => Selection::Everything,
        PlatformWish::Host => Selection::One(None),
        PlatformWish::Only(platform) => Selection::One(Some(platform)),
    }
}

pub(super) fn copy(args: &CopyArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let from = (args.source.clone(), images.source(&args.source)?);
    let to = (args.destination.clone(), images.destination(&args.destination)?);
    transfer(from, to, &selection(&args.platforms), args.output.format, context)
}

pub(super) fn pull(args: &PullArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let reference = Reference::Registry(args.reference.clone());
    let name = args.name.clone().unwrap_or_else(|| ImageName {
        name: format!("{}/{}", args.reference.registry, args.reference.repository),
        tag: match &args.reference.target {
            Target::Tag(tag) => tag.clone(),
            Target::Digest(digest) => digest.short(),
        },
    });
    let from = (reference.to_string(), images.source_of(&reference)?);
    let to = (name.to_string(), images.store_destination(&name)?);
    transfer(from, to, &selection(&args.platforms), args.output.format, context)
}

pub(super) fn push(args: &PushArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let destination = match (&args.destination, &args.name) {
        (Some(destination), _) => destination.clone(),
        (None, StoreReference::Name(name)) => name.to_string().parse()?,
        (None, StoreReference::DigestPrefix(_)) => return Err(Error::NowhereToPush),
    };
    let destination = Reference::Registry(destination);
    let from = (args.name.to_string(), images.source_of(&Reference::Store(args.name.clone()))?);
    let to = (destination.to_string(), images.destination_of(&destination)?);
    transfer(from, to, &Selection::Everything, args.output.format, context)
}

pub(super) fn save(args: &SaveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let tag = match &args.name {
        StoreReference::Name(name) => Some(name.to_string()),
        StoreReference::DigestPrefix(_) => None,
    };
    let destination = match args.archive_format {
        ArchiveFormat::Oci => Reference::OciArchive { file: args.file.clone(), tag },
        ArchiveFormat::Docker => Reference::DockerArchive { file: args.file.clone(), tag },
    };
    let from = (args.name.to_string(), images.source_of(&Reference::Store(args.name.clone()))?);
    let to = (args.file.display().to_string(), images.destination_of(&destination)?);
    transfer(from, to, &selection(&args.platforms), args.output.format, context)
}
