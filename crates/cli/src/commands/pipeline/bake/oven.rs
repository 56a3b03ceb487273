//! Builds the images of steps: each from a project of its own in the home folder, so that what was locked and built
//! once is found again.
//!
//! Environments on the same ground (a Python of the distribution, or an image) share what stands below. The one with
//! the most packages goes first: it chooses the base, and the others begin with its versions. It also makes the layers that
//! most of the others want; meanwhile these are locked, and then they are built side by side.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_base::{ByteSize, Diagnose as _, Digest, Progress};
use lightship_build::bake::{Base, Environment, Steps};
use lightship_build::resolve::Upgrade;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::spec::Platform;
use lightship_packages::lock::Lock;

use super::abreast::abreast;
use crate::args::ProjectArgs;
use crate::commands::build::{Builder, ProjectPlan, kitchen, plan_of};
use crate::commands::locked::{Locked, Wish};
use crate::commands::{Context, Error};
use crate::images::Images;
use crate::lean::{Kitchen, Larder};
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// The folder of these projects, below the home.
const PROJECTS: &str = "steps";

/// What the store calls images of steps, before the name of the environment.
pub(in crate::commands::pipeline) const REPOSITORY: &str = "localhost/steps";

/// Builds images of steps.
pub(in crate::commands::pipeline) struct Oven<'a> {
    /// What the environment says.
    settings: &'a Settings,
    /// The store.
    images: &'a Images<'a>,
    /// Where commands run.
    sandboxes: &'a Sandboxes,
    /// Whether nothing is fetched.
    offline: bool,
    /// What the images run on; this machine where nobody says.
    platform: Option<Platform>,
    /// Whether versions that were locked before give way to newer ones.
    upgrade: bool,
}

/// An image that is in the store.
pub(in crate::commands::pipeline) struct Baked {
    /// Its manifest's digest.
    pub(in crate::commands::pipeline) digest: Digest,
    /// What the store calls it, without a tag.
    pub(in crate::commands::pipeline) repository: String,
    /// Its layers, bottom first: digest and compressed size.
    pub(in crate::commands::pipeline) layers: Vec<(Digest, ByteSize)>,
    /// How many of these are those of the image that it was built on.
    pub(in crate::commands::pipeline) below: usize,
    /// Compressed bytes of its distributions as they come from an index; none where a size is not known.
    pub(in crate::commands::pipeline) wheels: Option<ByteSize>,
}

impl Baked {
    /// What a pipeline calls it that runs here.
    pub(in crate::commands::pipeline) fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// What is pulled by who has none of it.
    pub(in crate::commands::pipeline) fn size(&self) -> ByteSize {
        ByteSize(self.layers.iter().map(|(_, size)| size.bytes()).sum())
    }
}

/// An environment on its way to an image.
struct Tray<'k, 'a> {
    environment: usize,
    short: String,
    plan: ProjectPlan,
    locked: Locked,
    kitchen: &'k Kitchen<'a>,
}

impl Tray<'_, '_> {
    /// Makes or mends its lock; where there is none, with the base and the versions of this one as far as they fit.
    fn locked_like(mut self, like: Option<Lock>, upgrade: bool) -> (Self, Result<Lock, Error>) {
        self.locked.like(like);
        let upgrade = if upgrade { Upgrade::All } else { Upgrade::Keep };
        let lock = self.locked.settle(&self.plan, self.kitchen, &Wish::Mend(upgrade));
        (self, lock)
    }
}

/// Something to do.
enum Job<'k, 'a> {
    Lock(Box<Tray<'k, 'a>>),
    Build(Box<(Tray<'k, 'a>, Result<Lock, Error>)>),
}

/// What came of it.
enum Done<'k, 'a> {
    Locked(Box<(Tray<'k, 'a>, Result<Lock, Error>)>),
    Built(Box<(usize, Result<Baked, Error>)>),
}

/// Environments that are built in one kitchen: on the same base, with the same indexes.
type Place<'e> = (&'e Base, Vec<&'e str>);

impl<'a> Oven<'a> {
    pub(in crate::commands::pipeline) fn new(
        (settings, images, sandboxes): (&'a Settings, &'a Images<'a>, &'a Sandboxes),
        offline: bool,
    ) -> Self {
        Self { settings, images, sandboxes, offline, platform: None, upgrade: false }
    }

    /// The same for images of another platform.
    pub(in crate::commands::pipeline) fn for_platform(self, platform: Option<Platform>) -> Self {
        Self { platform, ..self }
    }

    /// The same with the newest versions that fit, whatever was locked before.
    pub(in crate::commands::pipeline) fn upgrading(self, upgrade: bool) -> Self {
        Self { upgrade, ..self }
    }

    /// Builds the images of all environments. One that cannot be built leaves its steps as they are.
    pub(in crate::commands::pipeline) fn bake_all(
        &self,
        steps: &mut Steps,
        context: &Context<'_>,
    ) -> Vec<Option<Baked>> {
        let mut results: Vec<Option<Result<Baked, Error>>> = Vec::new();
        results.resize_with(steps.environments.len(), || None);
        let mut kitchens = Vec::new();
        let prepared = self.prepare(steps, &mut kitchens, context, &mut results);
        let progress = context.reading();
        let mut trays = Vec::new();
        for (environment, at, plan, locked) in prepared {
            let short = steps.environments[environment].key().short();
            trays.push(Tray { environment, short, plan, locked, kitchen: &kitchens[at] });
        }
        let (first, others) = leaders(trays, &steps.environments);
        for (environment, baked) in self.bake_in_turns(first, others, steps, &*progress) {
            results[environment] = Some(baked);
        }
        let given_up = |(environment, result): (usize, Option<Result<Baked, Error>>)| {
            result?.map_err(|error| steps.give_up(environment, &told(&error))).ok()
        };
        results.into_iter().enumerate().map(given_up).collect()
    }

    /// Writes down each environment as a project, and opens the kitchens that there must be. What cannot be done is
    /// noted as the result.
    fn prepare(
        &self,
        steps: &Steps,
        kitchens: &mut Vec<Kitchen<'a>>,
        context: &Context<'_>,
        results: &mut [Option<Result<Baked, Error>>],
    ) -> Vec<(usize, usize, ProjectPlan, Locked)> {
        let mut places: Vec<Place<'_>> = Vec::new();
        let mut prepared = Vec::new();
        for (environment, wanted) in steps.environments.iter().enumerate() {
            let larder = kitchens.first().map(Kitchen::larder);
            let one = || {
                let folder = self.project(steps, environment, &wanted.key().short())?;
                let (platform, offline) = (self.platform.clone(), self.offline);
                let project = ProjectArgs { folder, platform, offline, vendor: None };
                let plan = plan_of(&project, &[], context)?;
                let locked = Locked::read(&project.folder)?;
                let place = place(wanted);
                let known = places.iter().position(|known| *known == place);
                let at = known.unwrap_or(places.len());
                if known.is_none() {
                    kitchens.push(self.kitchen(&project, (&plan, &locked), larder, context)?);
                    places.push(place);
                }
                Ok((environment, at, plan, locked))
            };
            match { one }() {
                Ok(one) => prepared.push(one),
                Err(error) => results[environment] = Some(Err(error)),
            }
        }
        prepared
    }

    fn kitchen(
        &self,
        project: &ProjectArgs,
        of: (&ProjectPlan, &Locked),
        larder: Option<Arc<Larder>>,
        context: &Context<'_>,
    ) -> Result<Kitchen<'a>, Error> {
        let kitchen = kitchen(project, of, (self.settings, self.images, self.sandboxes), context)?;
        Ok(match larder {
            Some(larder) => kitchen.sharing(larder),
            None => kitchen,
        })
    }

    /// Locks those that go first, then builds them while the others are locked, then builds the others.
    fn bake_in_turns<'k>(
        &self,
        first: Vec<Tray<'k, 'a>>,
        others: Vec<Tray<'k, 'a>>,
        steps: &Steps,
        progress: &dyn Progress,
    ) -> Vec<(usize, Result<Baked, Error>)> {
        let ground = |environment: usize| ground(&steps.environments[environment]);
        let first = abreast(first, |tray| tray.locked_like(None, self.upgrade));
        let chosen: Vec<(usize, Lock)> = first
            .iter()
            .filter_map(|(tray, lock)| Some((tray.environment, lock.as_ref().ok()?.clone())))
            .collect();
        let like = |environment: usize| {
            let same = |(leader, _): &&(usize, Lock)| ground(*leader) == ground(environment);
            chosen.iter().find(same).map(|(_, lock)| lock.clone())
        };
        let build = |(tray, lock): (Tray<'_, '_>, Result<Lock, Error>)| {
            (tray.environment, lock.and_then(|lock| self.build(&tray, &lock, progress)))
        };
        let jobs = first.into_iter().map(|(tray, lock)| Job::Build(Box::new((tray, lock))));
        let jobs = jobs.chain(others.into_iter().map(|tray| Job::Lock(Box::new(tray))));
        let done = abreast(jobs.collect(), |job| match job {
            Job::Build(one) => Done::Built(Box::new(build(*one))),
            Job::Lock(tray) => {
                let like = like(tray.environment);
                Done::Locked(Box::new(tray.locked_like(like, self.upgrade)))
            }
        });
        let (mut finished, mut waiting) = (Vec::new(), Vec::new());
        for one in done {
            match one {
                Done::Built(one) => finished.push(*one),
                Done::Locked(one) => waiting.push(*one),
            }
        }
        finished.extend(abreast(waiting, build));
        finished
    }

    fn build(
        &self,
        tray: &Tray<'_, '_>,
        lock: &Lock,
        progress: &dyn Progress,
    ) -> Result<Baked, Error> {
        let Tray { plan, kitchen, short, .. } = tray;
        let compression = CompressionLevel::Zstd(9);
        let built = Builder { kitchen, plan, lock, compression }.build()?;
        let repository = format!("{REPOSITORY}/{short}");
        // A name of its own: steps with other imports have another image of the same packages, and both are wanted.
        let tag = built.image.digest.short();
        let destination = self.images.destination(&format!("store:{repository}:{tag}"))?;
        copy_with(&built.image.assembly, &[], &*destination, &Selection::Everything, progress)?;
        let layers = built.layers.iter().map(|layer| (layer.digest, layer.size)).collect();
        let below = built.base.as_ref().map_or(0, |base| base.layers().len());
        let wheels = wheels(lock);
        Ok(Baked { digest: built.image.digest, repository, layers, below, wheels })
    }

    /// The folder of an environment's project. Its lock stays from one time to the next; the other files are those of
    /// this pipeline.
    fn project(&self, steps: &Steps, environment: usize, short: &str) -> Result<PathBuf, Error> {
        let projects = self.settings.home.join(PROJECTS);
        let folder = projects.join(short);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        // Addresses of indexes may have passwords in them.
        let own = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&projects, own).map_err(Error::io("close to others", &projects))?;
        for (name, text) in steps.folder(environment) {
            let path = folder.join(name);
            if !says(&path, &text) {
                replace(&folder, &path, &text).map_err(Error::io("write", &path))?;
            }
        }
        Ok(folder)
    }
}

/// An error with what can be done about it.
fn told(error: &Error) -> String {
    let hints = error.hints().into_iter().map(|hint| format!("; {hint}"));
    super::super::in_one_line(error) + &hints.collect::<String>()
}

/// What an environment has below its packages.
fn ground(environment: &Environment) -> (&Base, bool) {
    (&environment.base, environment.shell)
}

/// Of each ground the one with the most packages, and all others.
fn leaders<'k, 'a>(
    trays: Vec<Tray<'k, 'a>>,
    environments: &[Environment],
) -> (Vec<Tray<'k, 'a>>, Vec<Tray<'k, 'a>>) {
    let size = |environment: usize| environments[environment].packages().len();
    let mut chosen: Vec<usize> = Vec::new();
    for tray in &trays {
        let one = tray.environment;
        let same =
            |other: &&mut usize| ground(&environments[**other]) == ground(&environments[one]);
        match chosen.iter_mut().find(same) {
            Some(leader) if size(one) > size(*leader) => *leader = one,
            Some(_) => {}
            None => chosen.push(one),
        }
    }
    trays.into_iter().partition(|tray| chosen.contains(&tray.environment))
}

/// What decides where an environment's files come from.
fn place(environment: &Environment) -> Place<'_> {
    let installs = &environment.installs;
    let named = installs.iter().flat_map(|install| {
        install.index_url.iter().chain(&install.extra_index_urls).chain(&install.find_links)
    });
    let named: BTreeSet<&str> = named.map(String::as_str).collect();
    (&environment.base, named.into_iter().collect())
}

/// What an installer would fetch.
fn wheels(lock: &Lock) -> Option<ByteSize> {
    let wheels = lock.wheels.iter().map(|wheel| wheel.file.size);
    let built = lock.sdists.iter().map(|sdist| sdist.file.size);
    wheels.chain(built).sum::<Option<u64>>().map(ByteSize)
}

/// Whether a file says this already.
fn says(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|known| known == text)
}

/// Writes a file that is whole for whoever reads it meanwhile. After a power failure it may be empty, and is then
/// written again: nothing has to wait for a disk.
fn replace(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
