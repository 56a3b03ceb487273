//! `lightship store …`: the local store as a whole.

use lightship_build::assemble::LAYERS;
use lightship_build::bytecode::BYTECODE;
use lightship_build::lean::REPACKED;
use lightship_build::notebooks::Notebooks;
use lightship_cas::{GcOptions, RefKind, Unused, VerifyOptions};
use lightship_oci::store::BASES;
use lightship_packages::apt::{HOLDERS, UNPACKED};
use lightship_packages::fetch::PACKAGES;

use super::build::RECIPES;
use super::start::STARTS;
use super::{Context, Error, Outcome};
use crate::args::{GcArgs, StoreCommand, UsageArgs, VerifyArgs};
use crate::images::Images;
use crate::lean::{FACTS, SURVEYS, WORKBENCHES};
use crate::sandboxes;
use crate::views::store::{GcDocument, UsageDocument, VerifyDocument};

/// Interrupted downloads are kept this long, to be resumed: a week of trying again.
const PARTIALS_KEPT_HOURS: i64 = 7 * 24;

/// Names that only save time: packages and bases can be fetched again, and everything else made again.
const RENEWABLE: [RefKind; 11] = [
    PACKAGES,
    REPACKED,
    UNPACKED,
    HOLDERS,
    BASES,
    LAYERS,
    BYTECODE,
    RECIPES,
    WORKBENCHES,
    SURVEYS,
    STARTS,
];

/// Dispatches.
pub(super) fn run(command: &StoreCommand, context: &mut Context<'_>) -> Result<Outcome, Error> {
    match command {
        StoreCommand::Df(args) => usage(args, context),
        StoreCommand::Gc(args) => collect(args, context),
        StoreCommand::Verify(args) => verify(args, context),
    }
}

fn usage(args: &UsageArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let store = images.store()?;
    let usage = store.usage()?;
    let document = UsageDocument { home: settings.home.display().to_string(), usage };
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || document.text(&look))?;
    Ok(Outcome::Fine)
}

fn collect(args: &GcArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    // Unpacked layers may belong to subordinate ids. Where those cannot be had any more, what belongs to
    // them cannot be deleted, and the store says which folder that is.
    let _ = sandboxes::enter_subordinate_ids();
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let now = settings.clock().now();
    let kept = jiff::SignedDuration::from_hours(PARTIALS_KEPT_HOURS);
    let partials_before = now.checked_sub(kept).ok();
    let days = jiff::SignedDuration::from_hours(24 * i64::from(args.unused));
    let unused = now.checked_sub(days).ok().map(|before| Unused { kinds: &RENEWABLE, before });
    let options = GcOptions { dry_run: args.dry_run, partials_before, unused };
    if let (Some(unused), false) = (unused, args.dry_run) {
        Notebooks::at(settings.home.join(FACTS)).forget(unused.before);
    }
    let document = GcDocument(images.store()?.gc(options)?);
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

fn verify(args: &VerifyArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let progress = context.reading();
    let options = VerifyOptions { remove_corrupt: args.remove_corrupt };
    let report = images.store()?.verify(options, progress.as_ref())?;
    let clean = report.is_clean();
    let document = VerifyDocument(report);
    context.emit(args.output.format, &document, || document.text())?;
    Ok(if clean { Outcome::Fine } else { Outcome::Findings })
}
