//! How long an image takes to import what its project imports. A size without it misleads: byte code that is
//! left out makes an image smaller and each start longer.
//!
//! Measured where somebody asks for it, and noted for all images that have the same layers but the last,
//! which is the project's: a changed line of source does not change it.

use std::num::NonZeroUsize;
use std::time::Duration;

use lightship_base::{Digest, Key, Progress};
use lightship_build::report::Start;
use lightship_build::verify::defaults::{Defaults, IMPORTS};
use lightship_build::verify::{Limits, Status, Subject, Verdict};
use lightship_cas::{RefKind, RefValue};
use lightship_oci::Image;

use super::Error;
use super::verify::{CheckError, DISK, half_of_memory};
use crate::images::Images;
use crate::sandboxes::Sandboxes;

/// What was measured, by what it follows from.
pub(super) const STARTS: RefKind = RefKind::new("starts");

/// Importing a whole project of hundreds of megabytes takes a tenth of this.
const TIME: Duration = Duration::from_mins(5);

/// What an earlier measurement found in an image of these layers, bottom first.
pub(super) fn known(
    images: &Images<'_>,
    layers: impl IntoIterator<Item = Digest>,
) -> Result<Option<Start>, Error> {
    let Some(key) = key(layers) else { return Ok(None) };
    let lease = images.store()?.images.cas().lease()?;
    let known = lease.pin(STARTS, &key)?.map(|value| serde_json::from_value(value.data));
    Ok(known.and_then(Result::ok))
}

/// Notes what the checks of an image measured, if they did.
pub(super) fn note(
    images: &Images<'_>,
    image: &Image,
    verdicts: &[Verdict],
) -> Result<Option<Start>, Error> {
    let measured = verdicts.iter().find(|verdict| verdict.check.name == IMPORTS);
    let Some(verdict) = measured.filter(|verdict| verdict.status == Status::Passed) else {
        return Ok(None);
    };
    let modules = verdict.modules.len() as u64;
    let start = Start { seconds: verdict.time.as_secs_f64(), modules };
    let layers = image.manifest().layers.iter().map(|layer| layer.digest);
    if let Some(key) = key(layers) {
        let data = serde_json::to_value(start).expect("numbers are JSON");
        let value = RefValue { roots: Vec::new(), data };
        images.store()?.images.cas().set_ref(STARTS, &key, &value)?;
    }
    Ok(Some(start))
}

/// Imports what the project imports, in its image. `None` where it imports nothing or not everything can
/// be imported; `lightship verify` tells more.
pub(super) fn measure(
    (images, sandboxes): (&Images<'_>, &Sandboxes),
    image: &Image,
    progress: &dyn Progress,
) -> Result<Option<Start>, Error> {
    let prepared = sandboxes.prepare(images, image, progress)?;
    let limits = Limits { time: TIME, memory: half_of_memory(), disk: Some(DISK) };
    let subject = Subject::new(image, sandboxes.launcher(), &prepared, limits);
    let mut checks = Defaults::of_image(&subject).map_err(CheckError::from)?.checks;
    checks.retain(|check| check.name == IMPORTS);
    let verdicts = subject.verify(&checks, NonZeroUsize::MIN, &()).map_err(CheckError::from)?;
    note(images, image, &verdicts)
}

/// `None` for an image that is nothing but a project.
fn key(layers: impl IntoIterator<Item = Digest>) -> Option<String> {
    let layers: Vec<Digest> = layers.into_iter().collect();
    let (_, packages) = layers.split_last().filter(|(_, packages)| !packages.is_empty())?;
    let layers = packages.iter().map(Digest::to_string);
    Some(layers.fold(Key::of("start"), Key::with).finish().hex())
}
