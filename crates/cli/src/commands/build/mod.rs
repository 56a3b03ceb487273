//! `lightship build`: from a project to a lean image.

mod project;

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_build::app;
use lightship_build::assemble::{
    Bundle, Grouping, Image, ImageSettings, Layer, Layers, Stage, group, put_together, settle,
};
use lightship_build::lean::{self, Gathered};
use lightship_build::resolve::Upgrade;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy};
use lightship_oci::spec::Platform;
use lightship_packages::fetch::NoLogins;
use lightship_packages::lock::{FILE_NAME, Lock};

use super::{Context, Error, Outcome};
use crate::args::BuildArgs;
use crate::images::Images;
use crate::lean::{Kitchen, Order};
use crate::sandboxes::Sandboxes;
use crate::settings::AptFiles;
use project::ProjectPlan;

pub(super) fn run(args: &BuildArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let sandboxes = Sandboxes::open(&settings)?;
    let apt = AptFiles::read(context.environment)?;
    let platform = args.project.platform.clone().unwrap_or_else(Platform::host);
    let project = ProjectPlan::of(&args.project.folder, &platform)?;
    let kitchen = Kitchen::open(
        &settings,
        &images,
        &sandboxes,
        &apt,
        Arc::new(NoLogins),
        (project.platform.clone(), args.project.offline),
        context.progress(),
    )?;
    let path = args.project.folder.join(FILE_NAME);
    let previous = read_lock(&path)?;
    let current = previous.as_ref().filter(|lock| lock.inputs.changes(&project.inputs).is_empty());
    let gathered = match current {
        Some(lock) => kitchen.gather(lock, &project.wishes, &|| Ok(Vec::new()))?,
        None => {
            let locked = kitchen.lock(&Order {
                inputs: project.inputs.clone(),
                wishes: project.wishes.clone(),
                suite: project.suite.as_deref(),
                python_because: project.python_because.clone(),
                source: project.source.as_ref(),
                previous: previous.as_ref(),
                upgrade: &Upgrade::Keep,
            })?;
            let text = locked.lock.to_toml()?;
            std::fs::write(&path, text).map_err(Error::io("write", &path))?;
            locked.gathered
        }
    };
    let (layers, image) = assemble(args, &kitchen, &project, gathered)?;
    for name in &args.tags {
        let destination = images.destination(name)?;
        copy(&image.assembly, &*destination, &Selection::Everything, &*context.progress())?;
    }
    for place in args.output.iter().chain(&args.push) {
        let destination = images.destination(place)?;
        copy(&image.assembly, &*destination, &Selection::Everything, &*context.progress())?;
    }
    for layer in &layers {
        eprintln!(
            "{:>10} {:>10} {} {:?}",
            layer.size.to_string(),
            layer.content.to_string(),
            layer.title,
            layer.origin
        );
    }
    Ok(Outcome::Fine)
}

fn read_lock(path: &std::path::Path) -> Result<Option<Lock>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Lock::parse(&text, &path.display().to_string())?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn assemble(
    args: &BuildArgs,
    kitchen: &Kitchen<'_>,
    project: &ProjectPlan,
    gathered: Gathered,
) -> Result<(Vec<Layer>, Image), Error> {
    let collected = app::collect(&args.project.folder, &project.app)?;
    let mut bundles = gathered.bundles;
    bundles.push(Bundle {
        parcel: collected.parcel,
        digest: None,
        stage: Stage::Project,
        last: None,
        shared: Vec::new(),
    });
    let trimmed = lean::trim(bundles, [], project.platform.architecture())?;
    for part in &trimmed.report {
        eprintln!("left out {:?}: {} files, {}", part.category, part.files, part.size);
    }
    for kept in &trimmed.kept_on {
        eprintln!(
            "kept {:?} of {}: {} files, {}: {}",
            kept.category, kept.package.name, kept.files, kept.size, kept.why
        );
    }
    let mut bundles = trimmed.bundles;
    settle(&mut bundles)?;
    let compression = args.compression.unwrap_or(CompressionLevel::Zstd(9));
    let lease = kitchen.supplies.fetcher.lease();
    let epoch = kitchen.settings.epoch.unwrap_or_default();
    let layers = Layers { lease, compression, time: epoch.as_second() };
    let layers = layers.make(&group(bundles, Grouping::default()), &*kitchen.progress)?;
    let mut run = project.run.clone();
    let mut environment = gathered.base.environment.clone();
    environment.retain(|(name, _)| {
        !run.env.iter().flatten().any(|own| own.starts_with(&format!("{name}=")))
    });
    let base = environment.into_iter().map(|(name, value)| format!("{name}={value}"));
    run.env = Some(base.chain(run.env.into_iter().flatten()).collect());
    let settings = ImageSettings {
        platform: project.oci_platform.clone(),
        run,
        created: epoch,
        annotations: BTreeMap::new(),
        compression,
    };
    let image = put_together("the build", &layers, &settings, lease.cas());
    Ok((layers, image))
}
