//! The images of a run that has not ended. They have names of the run's own meanwhile, so that `lightship store gc` keeps
//! them also where the same packages were baked anew and their first name means another image.

use std::collections::BTreeSet;

use lightship_base::Digest;
use lightship_engine::{Header, RunId};
use lightship_ir::{ExecutorKind, Plan};
use lightship_oci::Error as OciError;
use lightship_oci::reference::{ImageName, StoreReference};

use super::super::PipelineError;
use super::super::record::Record;
use super::super::rooms::stored;
use crate::commands::Error;
use crate::images::Images;

/// What the store calls images of runs, before the run's id.
const REPOSITORY: &str = "localhost/runs";

/// Keeps the images that a plan's steps were baked into; fails where one is not there any more.
pub(in crate::commands::pipeline) fn hold(
    images: &Images<'_>,
    run: &RunId,
    plan: &Plan,
) -> Result<(), Error> {
    let wanted = baked(plan);
    if wanted.is_empty() {
        return Ok(());
    }
    let store = &images.store()?.images;
    let mut gone = Vec::new();
    for (at, (digest, reference)) in wanted.into_iter().enumerate() {
        let Some(name) = name(run, at) else { continue };
        match store.tag(&StoreReference::DigestPrefix(digest.hex()), &name) {
            Ok(()) => {}
            Err(OciError::NotFound { .. }) => gone.push(reference),
            Err(error) => return Err(error.into()),
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    Err(PipelineError::ImagesGone { run: run.clone(), images: gone }.into())
}

/// Lets go of them.
pub(in crate::commands::pipeline) fn release(
    images: &Images<'_>,
    run: &RunId,
) -> Result<(), Error> {
    let store = &images.store()?.images;
    for name in (0..).map_while(|at| name(run, at)) {
        match store.remove(&StoreReference::Name(name)) {
            Ok(_) => {}
            Err(OciError::NotFound { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The same where the run has ended. One that was left as it stands needs its images still.
pub(in crate::commands::pipeline) fn release_if_over(
    images: &Images<'_>,
    run: &RunId,
    record: &Record,
) -> Result<(), Error> {
    let known = record.wait(record.store.summary(run)).map_err(PipelineError::from)?;
    if known.is_none_or(|known| known.state.is_final()) { release(images, run) } else { Ok(()) }
}

/// The images of a plan that were baked here: digests, and what the plan calls them.
fn baked(plan: &Plan) -> BTreeSet<(Digest, String)> {
    let mut found = BTreeSet::new();
    for (_, executor) in plan.executors.iter() {
        if let ExecutorKind::Container(container) = &executor.kind {
            let reference = container.image.text();
            found.extend(stored(reference).map(|digest| (digest, reference.to_owned())));
        }
    }
    found
}

/// None where a run is called as no image can be.
fn name(run: &RunId, at: usize) -> Option<ImageName> {
    format!("{REPOSITORY}/{run}:{at}").parse().ok()
}

impl Record {
    /// The latest run of the same pipeline, where it has the same plan and inputs, has not ended, and nobody drives it.
    pub(in crate::commands::pipeline) fn interrupted_like(
        &self,
        new: &Header,
    ) -> Result<Option<RunId>, Error> {
        let latest = self.store.latest_of(&new.plan.name);
        let latest = self.wait(latest).map_err(PipelineError::from)?;
        let Some(latest) = latest.filter(|latest| !latest.state.is_final()) else {
            return Ok(None);
        };
        if self.is_driven(&latest.id)? {
            return Ok(None);
        }
        let same = |old: &Header| old.plan == new.plan && old.inputs == new.inputs;
        let old = self.header(&latest.id)?;
        Ok(Some(latest.id).filter(|_| same(&old)))
    }
}
