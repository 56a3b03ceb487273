//! `lightship sbom`.

use std::io::Write as _;

use lightship_audit::{Account, Visible};
use lightship_base::{Digest, Timestamp};
use lightship_build::sbom::{MEDIA_TYPE, ReadFrom, Summary, of_image};
use lightship_oci::artifact::attached;
use lightship_oci::{Error as OciError, Image};
use lightship_packages::{OwnedFiles, inventory};

use super::{Context, Error, Outcome};
use crate::args::{Format, SbomArgs};
use crate::images::Images;
use crate::views::sbom::{Origin, text};

/// Prints the document that is attached to an image; where there is none, one that is read from the
/// image, and says so.
pub(super) fn run(args: &SbomArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let image = images.image(&args.reference, args.platform.platform.as_ref())?;
    let (digest, name) = (image.digest(), args.reference.clone());
    let found = attached(&**image.source(), &digest, MEDIA_TYPE)?;
    let (document, origin) = match found {
        Some(document) => (document, Origin::Attached),
        None => (read(image, &name, context)?, Origin::Read),
    };
    let what = || format!("the bill of materials of {name}");
    let summary =
        Summary::parse(&document).map_err(|source| OciError::Json { what: what(), source })?;
    match args.output.format {
        // Every tool that reads bills of materials reads CycloneDX as it is, and nothing around it.
        Format::Json => context.terminal.out.exact().write_all(&document)?,
        Format::Text => {
            let look = context.terminal.out.look;
            let text = text(&name, &digest, &summary, origin, &look);
            context.terminal.out.write_all(text.as_bytes())?;
        }
    }
    if origin == Origin::Read && args.output.format == Format::Json && !context.global.quiet {
        context.terminal.complain("note: none is attached; this one was read from the image\n");
    }
    Ok(Outcome::Fine)
}

fn read(image: Image, name: &str, context: &Context<'_>) -> Result<Vec<u8>, Error> {
    let progress = context.reading();
    let account = Account::of(image, progress.as_ref())?;
    let image = &account.image;
    let config = image.config();
    let layers: Vec<Digest> = image.manifest().layers.iter().map(|layer| layer.digest).collect();
    let sbom = of_image(&ReadFrom {
        inventory: &inventory(&Visible(&account), OwnedFiles::Count),
        layers: &layers,
        image: image.digest(),
        platform: &config.platform(),
        name,
        created: config.created.as_deref().and_then(|time| time.parse::<Timestamp>().ok()),
    });
    Ok(sbom.to_json())
}
