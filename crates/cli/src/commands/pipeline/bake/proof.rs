//! `lightship bake --verify`: whether steps find in their images what they import.

use std::num::NonZeroUsize;
use std::time::Duration;

use lightship_base::{Progress, Transfer, TransferOutcome, Watched};
use lightship_build::bake::{Fate, Steps};
use lightship_build::verify::{Check, Limits, Status, Subject, Verdict};
use lightship_oci::Image;
use lightship_sandbox::snapshot::Prepared;

use super::abreast::abreast;
use super::oven::Baked;
use crate::commands::Error;
use crate::commands::verify::{CheckError, DISK, half_of_memory};
use crate::images::Images;
use crate::sandboxes::Sandboxes;

/// Importing hundreds of megabytes takes a tenth of this.
const TIME: Duration = Duration::from_mins(5);

/// Runs the imports of each step in its image, several at once. A verdict for each that imports something, with the
/// place of the step.
pub(super) fn prove(
    steps: &Steps,
    baked: &[Option<Baked>],
    (images, sandboxes): (&Images<'_>, &Sandboxes),
    progress: &dyn Progress,
) -> Result<Vec<(usize, Verdict)>, Error> {
    // One after another: each unpacks its layers in parallel, and finds those there that others have as well.
    let open =
        |baked: &Option<Baked>| baked.as_ref().map(|it| open(it, images, sandboxes, progress));
    let rooms: Vec<Option<Room>> =
        baked.iter().map(|baked| open(baked).transpose()).collect::<Result<_, Error>>()?;
    let mut checks: Vec<(usize, &Room, Check)> = Vec::new();
    for (at, step) in steps.steps.iter().enumerate() {
        let Fate::Baked { environment, .. } = &step.fate else { continue };
        let Some(room) = rooms.get(*environment).and_then(Option::as_ref) else { continue };
        let check =
            step.check().map_err(Error::io("read the source of", step.executor.as_ref()))?;
        checks.extend(check.map(|check| (at, room, check)));
    }
    let verdicts = abreast(checks, |(at, (image, prepared), check)| -> Result<_, Error> {
        let transfer =
            Transfer { what: format!("verify {}", check.name), digest: None, total: None };
        let watched = Watched::begin(progress, transfer);
        let limits = Limits { time: TIME, memory: half_of_memory(), disk: Some(DISK) };
        let subject = Subject::new(image, sandboxes.launcher(), prepared, limits);
        let verdicts =
            subject.verify(&[check], NonZeroUsize::MIN, &()).map_err(CheckError::from)?;
        let failed = verdicts.iter().any(|verdict| verdict.status != Status::Passed);
        watched.end(if failed { TransferOutcome::Failed } else { TransferOutcome::Done });
        Ok(verdicts.into_iter().map(|verdict| (at, verdict)).collect::<Vec<_>>())
    });
    let verdicts = verdicts.into_iter().collect::<Result<Vec<_>, Error>>()?;
    Ok(verdicts.into_iter().flatten().collect())
}

/// An image, and what it looks like on this machine's disk.
type Room = (Image, Prepared);

fn open(
    baked: &Baked,
    images: &Images<'_>,
    sandboxes: &Sandboxes,
    progress: &dyn Progress,
) -> Result<Room, Error> {
    let image = images.image(&format!("store:{}", baked.digest), None)?;
    let prepared = sandboxes.prepare(images, &image, progress)?;
    Ok((image, prepared))
}

/// What the author of a step does about what cannot be imported: each advice once.
pub(super) fn advice(verdict: &Verdict) -> Vec<String> {
    let mut advice: Vec<String> = verdict.hints.iter().map(ToString::to_string).collect();
    let failed = verdict.modules.iter().filter(|module| !module.optional);
    for error in failed.filter_map(|module| module.error.as_deref()) {
        let text = match error.split_once("No module named ") {
            Some((_, name)) => {
                let name = name.trim_matches(['\'', '"']);
                format!(
                    "add the package that has `{name}` to `packages_to_install` of its component"
                )
            }
            None => match error.split_once(": cannot open shared object file") {
                Some((before, _)) => {
                    let library = before.rsplit(": ").next().unwrap_or(before);
                    format!("give its component a `base_image` that has {library}")
                }
                None => continue,
            },
        };
        if !advice.contains(&text) {
            advice.push(text);
        }
    }
    advice
}
