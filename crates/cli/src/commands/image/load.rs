//! `load`: images of an archive into the local store, all of them or one.

use std::collections::HashMap;
use std::path::Path;

use lightship_oci::Error as OciError;
use lightship_oci::archive::{Archive, ArchivedImage, Scratch};
use lightship_oci::copy::{Selection, copy};
use lightship_oci::reference::{ImageName, StoreReference};

use super::super::{Context, Error, Outcome};
use crate::args::LoadArgs;
use crate::images::Images;
use crate::views::transfer::{LoadDocument, LoadedImage};

pub(super) fn load(args: &LoadArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let archive = Archive::open(&args.input, &Scratch::in_folder(images.scratch()?))?;
    let Choice { named, nameless } = Choice::of(&archive, args)?;
    let progress = context.progress();
    let store = &images.store()?.images;
    let mut loaded = Vec::new();
    for (image, names) in &named {
        let [first, further @ ..] = &names[..] else { continue };
        let source = archive.source(image.selector.as_deref())?;
        let destination = images.store_destination(first)?;
        let report = copy(&*source, &*destination, &Selection::Everything, progress.as_ref())?;
        let stored = StoreReference::Name(first.clone());
        further.iter().try_for_each(|name| store.tag(&stored, name).map(drop))?;
        loaded.push(LoadedImage::new(names, &report));
    }
    let source = args.input.display().to_string();
    let document = LoadDocument { source, images: loaded, nameless };
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

/// What to load, and what is left because nobody could find it again.
struct Choice {
    /// Images with the names that they get, at least one each.
    named: Vec<(ArchivedImage, Vec<ImageName>)>,
    /// How to choose each of the others.
    nameless: Vec<String>,
}

impl Choice {
    fn of(archive: &Archive, args: &LoadArgs) -> Result<Self, Error> {
        let mut images = match &args.image {
            Some(wanted) => vec![archive.find(wanted)?],
            None => archive.images()?,
        };
        if let Some(name) = &args.name {
            if images.len() > 1 {
                return Err(choose_one(&args.input, &images, "a name is for one"));
            }
            let named = images.into_iter().map(|image| (image, vec![name.clone()])).collect();
            return Ok(Self { named, nameless: Vec::new() });
        }
        let nameless: Vec<_> = images.extract_if(.., |image| image.names.is_empty()).collect();
        if images.is_empty() {
            return Err(match &nameless[..] {
                [_] => Error::NamelessArchive { path: args.input.clone() },
                several => choose_one(&args.input, several, "none of them has a name"),
            });
        }
        check_names(&images, &args.input)?;
        let named = images.into_iter().map(|image| (image.clone(), image.names)).collect();
        Ok(Self { named, nameless: nameless.iter().map(ArchivedImage::choice).collect() })
    }
}

fn choose_one(file: &Path, images: &[ArchivedImage], reason: &str) -> Error {
    const SHOWN: usize = 20;
    let mut choices: Vec<_> = images.iter().take(SHOWN).map(ArchivedImage::choice).collect();
    if images.len() > SHOWN {
        choices.push(format!("and {} more", images.len() - SHOWN));
    }
    Error::Oci(OciError::Unsupported {
        what: file.display().to_string(),
        reason: format!("it holds {} images, and {reason}", images.len()),
        hint: Some(format!("choose one with `--image` and `--name` it: {}", choices.join(", "))),
    })
}

/// Two images of one name would leave one of them, and nobody would see which.
fn check_names(images: &[ArchivedImage], file: &Path) -> Result<(), Error> {
    let mut owners = HashMap::new();
    for image in images {
        for name in &image.names {
            if let Some(other) = owners.insert(name, image) {
                let selector = |image: &ArchivedImage| image.selector.clone().unwrap_or_default();
                return Err(Error::Oci(OciError::Unsupported {
                    what: file.display().to_string(),
                    reason: format!("it holds two images named `{name}`"),
                    hint: Some(format!(
                        "load each with a `--name` of its own: `--image {}`, `--image {}`",
                        selector(other),
                        selector(image),
                    )),
                }));
            }
        }
    }
    Ok(())
}
