//! `lightship bake`: a pipeline whose steps have their packages already.

mod abreast;
mod account;
mod before;
pub(super) mod oven;
mod proof;
mod shelf;

use lightship_build::bake::{Fate, Kept, Steps};
use lightship_build::verify::{Status, Verdict};

use self::before::Before;
use self::oven::{Baked, Oven};
use self::shelf::Shelf;
use super::read::Pipeline;
use crate::args::BakeArgs;
use crate::commands::verify::CheckError;
use crate::commands::{Context, Error, Outcome, whole};
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::views::bake as view;

pub(in crate::commands) fn run(
    args: &BakeArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    if args.verify {
        // While there is one thread.
        sandboxes::enter_subordinate_ids()?;
    }
    let settings = context.settings()?;
    let shelf = args.push.as_deref().map(Shelf::parse).transpose()?;
    let from = (&settings, args.offline);
    let Pipeline { package, plan } = Pipeline::open(&args.pipeline, &args.compile, from, context)?;
    let mut steps = Steps::of(&package);
    let images = Images::new(&settings, args.registry.plain_http);
    let sandboxes = Sandboxes::open(&settings)?;
    let before = Before::ask(&steps, &settings, args.registry.plain_http, args.offline);
    let platform = args.platform.clone();
    let oven = Oven::new((&settings, &images, &sandboxes), args.offline)
        .for_platform(platform)
        .upgrading(args.upgrade);
    let baked = oven.bake_all(&mut steps, context);
    let progress = context.reading();
    let proofs = if args.verify {
        proof::prove(&steps, &baked, (&images, &sandboxes), &*progress)?
    } else {
        Vec::new()
    };
    let before = before.known(&steps, &baked);
    keep_failed(&mut steps, &proofs);
    let names = match &shelf {
        Some(shelf) => shelf.push(&steps, &baked, &images, &*progress)?,
        None => baked.iter().map(|image| image.as_ref().map(Baked::reference)).collect(),
    };
    let changed = steps.rewrite(&package, &names);
    whole::write(&args.output, &changed.to_yaml())?;
    let document = account::document(&plan.name, (&steps, &baked, names), (&before, &proofs), args);
    let look = context.terminal.out.look;
    context.emit(args.format.format, &document, || view::text(&document, &look))?;
    let count = proofs.iter().filter(|(_, one)| one.status == Status::CouldNotRun).count();
    match (document.failed(), count) {
        (0, 0) => Ok(Outcome::Fine),
        (0, count) => Err(CheckError::CouldNotRun { count, all: proofs.len() }.into()),
        _ => Ok(Outcome::Findings),
    }
}

/// A step that does not find in its image what it imports stays as it is: there it may.
fn keep_failed(steps: &mut Steps, proofs: &[(usize, Verdict)]) {
    let failed = proofs.iter().filter(|(_, verdict)| verdict.status == Status::Failed);
    for (at, verdict) in failed {
        steps.steps[*at].fate = Fate::Kept(Kept::Imports(verdict.reasons.join("; ")));
    }
}
