//! `lightship build`: from a project to a lean image.

mod bytecode;
mod kinds;
mod layers;
mod occupied;
mod project;
mod recipe;
mod starts;

use std::time::Instant;

use lightship_base::ByteSize;
use lightship_build::report::{Before, Plan, Report};
use lightship_build::resolve::{Source, Upgrade};
use lightship_build::sbom;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::spec::Platform;
use lightship_packages::lock::{Lock, PlatformName};

use super::locked::{Locked, Wish};
use super::{Context, Error, Outcome, start};
use crate::args::{BuildArgs, ProjectArgs, Top};
use crate::images::Images;
use crate::lean::{Kitchen, Places};
use crate::sandboxes::Sandboxes;
use crate::settings::python::PythonSettings;
use crate::settings::{AptFiles, Settings};
use crate::views::build as view;

pub(super) use layers::Builder;
use layers::Built;
pub(super) use project::{ProjectPlan, names};
pub(super) use recipe::RECIPES;

pub(super) fn run(args: &BuildArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let started = Instant::now();
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let sandboxes = Sandboxes::open(&settings)?;
    let plan = plan_of(&args.project, &args.keep, context)?;
    let places = places(args, &plan, &images)?;
    let before = args.compare.as_deref().map(|name| before(name, &images)).transpose()?;
    let mut locked = Locked::read(&plan.project.folder)?;
    let kitchen =
        kitchen(&args.project, (&plan, &locked), (&settings, &images, &sandboxes), context)?;
    let mut phases = Vec::new();
    let mut phase = |name: &'static str, since: Instant| phases.push((name, since.elapsed()));
    phase("plan", started);

    let since = Instant::now();
    let wish = match (args.locked, args.dry_run) {
        (true, _) => Wish::Locked,
        (false, true) => Wish::Look,
        (false, false) => Wish::Mend(Upgrade::Keep),
    };
    let lock = locked.settle(&plan, &kitchen, &wish)?;
    phase("lock", since);
    if args.dry_run {
        let notes = plan.project.notes.iter().map(ToString::to_string);
        let mut plan = Plan::of(&args.project.folder.display().to_string(), &lock, plan.grouping());
        plan.notes.extend(notes);
        let terminal = context.terminal.out.look;
        let document = view::PlanDocument(&plan);
        let text = || view::plan_text(&plan, Top::default(), &terminal);
        context.emit(args.format.format, &document, text)?;
        return Ok(Outcome::Fine);
    }
    let since = Instant::now();
    let configured = plan.project.settings.build.compression;
    let compression = args.compression.or(configured).unwrap_or(CompressionLevel::Zstd(9));
    let builder = Builder { kitchen: &kitchen, plan: &plan, lock: &lock, compression };
    let built = builder.build()?;
    phase("assemble", since);

    let since = Instant::now();
    let names = send(&places, &plan, (&lock, &built), &images, context)?;
    phase("send", since);
    let mut report = built.report(&args.project.folder.display().to_string(), &plan, &lock);
    report.names = names;
    report.before = before;
    let layers = built.layers.iter().map(|layer| layer.digest);
    let measure = args.measure && kitchen.is_for_here();
    report.start = if measure {
        let since = Instant::now();
        let image = images.open(&images.reference(&report.names[0])?, None)?;
        let start = start::measure((&images, &sandboxes), &image, &*context.reading())?;
        phase("measure", since);
        start
    } else {
        start::known(&images, layers)?
    };
    if measure && report.start.is_none() {
        report.notes.push(format!(
            "how long it takes to start is not known: `lightship verify {}` says why",
            report.names[0]
        ));
    }
    report.notes.extend(kitchen.supplies.notes.iter().cloned());
    for (name, took) in phases {
        report.phase(name, took);
    }
    report.seconds = started.elapsed().as_secs_f64();
    show(args, (&report, kitchen.is_for_here()), context)?;
    Ok(Outcome::Fine)
}

/// What an image weighs, as its manifest says.
fn before(name: &str, images: &Images<'_>) -> Result<Before, Error> {
    let image = images.open(&images.reference(name)?, None)?;
    let layers = &image.manifest().layers;
    let bytes = layers.iter().map(|layer| layer.size).sum();
    Ok(Before { what: name.to_owned(), compressed_bytes: Some(ByteSize(bytes)), disk_bytes: None })
}

fn show(
    args: &BuildArgs,
    (report, runs_here): (&Report, bool),
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let look = context.terminal.out.look;
    let verbose = context.global.verbose;
    context.emit(args.format.format, &view::document(report), || {
        let details =
            if verbose { view::details(report, Top::default(), &look) } else { String::new() };
        view::text(report, runs_here, &look) + &details
    })
}

/// Processors, as images call them, whose loaders, folders and wheels are known.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Understands a project's folder.
pub(super) fn plan_of(
    args: &ProjectArgs,
    keep: &[String],
    context: &Context<'_>,
) -> Result<ProjectPlan, Error> {
    let folder = &args.folder;
    if !folder.is_dir() {
        return Err(Error::NoProject { path: folder.clone() });
    }
    let platform = args.platform.clone().unwrap_or_else(Platform::host);
    let variant = platform.variant.as_deref();
    let plain = variant.is_none() || (platform.architecture == "arm64" && variant == Some("v8"));
    let known = ARCHITECTURES.contains(&platform.architecture.as_str());
    // Nobody compiled packages for another variant.
    if platform.os != "linux" || !known || !plain {
        return Err(Error::OtherPlatform { platform: platform.to_string() });
    }
    let folder = std::path::absolute(folder).map_err(Error::io("find", folder))?;
    ProjectPlan::of(&folder, &platform, keep, context.environment)
}

/// Everything that locking and building need.
pub(super) fn kitchen<'a>(
    args: &ProjectArgs,
    (plan, locked): (&ProjectPlan, &Locked),
    (settings, images, sandboxes): (&'a Settings, &'a Images<'a>, &'a Sandboxes),
    context: &Context<'_>,
) -> Result<Kitchen<'a>, Error> {
    let apt = AptFiles::read(context.environment)?;
    let python = PythonSettings::read(context.environment, Some(&plan.project.folder))?;
    let named = plan.source.as_ref().map(Source::indexes).unwrap_or_default();
    let python = python.with_first(plan.indexes.clone()).with_logins_of(&named);
    let no_index = plan.source.as_ref().is_some_and(Source::asks_no_index);
    let places = Places { apt, python, named, no_index, base: plan.base.clone() };
    let offline = args.offline || args.vendor.is_some();
    let wanted: (PlatformName, bool) = (plan.platform.clone(), offline);
    let mut kitchen =
        Kitchen::open(settings, images, sandboxes, places, wanted, context.progress())?;
    if let Some(lock) = locked.lock() {
        kitchen.remember_twin(lock);
    }
    if let Some(vendor) = &args.vendor {
        // Nothing can be resolved with a folder of packages: the lock has to be right.
        let reasons = locked.outdated(plan);
        let Some(lock) = locked.lock().filter(|_| reasons.is_empty()) else {
            return Err(Error::OutdatedForVendor { path: locked.path().to_owned(), reasons });
        };
        kitchen.restock(lock, vendor)?;
    }
    Ok(kitchen)
}

/// Writes the image to wherever it shall be, its bill of materials with it. Says where.
fn send(
    places: &[(String, String)],
    plan: &ProjectPlan,
    (lock, built): (&Lock, &Built),
    images: &Images<'_>,
    context: &Context<'_>,
) -> Result<Vec<String>, Error> {
    let bill = sbom::of_build(&sbom::Made {
        lock,
        layers: &built.layers,
        below: built.base.as_ref().map(|base| &*base.survey),
        facts: &built.facts,
        image: built.image.digest,
        platform: &plan.oci_platform,
        name: &plan.project.name.value,
        version: None,
        created: built.created,
    });
    let artifact = bill.artifact(&built.descriptor()?);
    for (place, _) in places {
        let destination = images.destination(place)?;
        let progress = context.reading();
        let whole = Selection::Everything;
        copy_with(
            &built.image.assembly,
            std::slice::from_ref(&artifact),
            &*destination,
            &whole,
            &*progress,
        )?;
    }
    Ok(places.iter().map(|(_, shown)| shown.clone()).collect())
}

/// Where an image goes, and what the user calls these places; each is one, before any work begins.
fn places(
    args: &BuildArgs,
    plan: &ProjectPlan,
    images: &Images<'_>,
) -> Result<Vec<(String, String)>, Error> {
    let outputs: Vec<String> = args.output.iter().map(|place| with_tag(place)).collect();
    let elsewhere = !outputs.is_empty() || args.push.is_some();
    let names = if args.tags.is_empty() && !elsewhere { plan.names() } else { args.tags.clone() };
    let names = names.into_iter().map(|name| (format!("store:{name}"), name));
    let others = outputs.into_iter().chain(args.push.clone()).map(|place| (place.clone(), place));
    let places: Vec<(String, String)> = names.chain(others).collect();
    for (place, _) in &places {
        images.reference(place)?;
    }
    Ok(places)
}

/// A layout has the bill of materials beside the image; without a tag other tools would not know which of
/// the two is meant.
fn with_tag(place: &str) -> String {
    let layout = place.strip_prefix("oci:");
    let bare = layout.is_some_and(|path| !path.rsplit('/').next().unwrap_or(path).contains(':'));
    if bare { format!("{place}:latest") } else { place.to_owned() }
}
