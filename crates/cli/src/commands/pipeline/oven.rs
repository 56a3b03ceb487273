//! Builds the images of steps: each from a project of its own in the home folder, so that what was locked and built
//! once is found again.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use lightship_base::{ByteSize, Digest};
use lightship_build::bake::{Base, Steps};
use lightship_build::resolve::Upgrade;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::copy::{Selection, copy_with};
use lightship_packages::lock::Lock;

use crate::args::ProjectArgs;
use crate::commands::build::{Builder, kitchen, plan_of};
use crate::commands::locked::{Locked, Wish};
use crate::commands::{Context, Error, whole};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// The folder of these projects, below the home.
const PROJECTS: &str = "steps";

/// What the store calls images of steps, before the name of the environment.
pub(super) const REPOSITORY: &str = "localhost/steps";

/// Builds images of steps.
pub(super) struct Oven<'a> {
    /// What the environment says.
    settings: &'a Settings,
    /// The store.
    images: &'a Images<'a>,
    /// Where commands run.
    sandboxes: &'a Sandboxes,
    /// Whether nothing is fetched.
    offline: bool,
    /// Locks of environments, with what they are built on: another one on the same has the same base.
    locks: RefCell<Vec<((Base, bool), Lock)>>,
}

/// An image that is in the store.
pub(super) struct Baked {
    /// Its manifest's digest.
    pub(super) digest: Digest,
    /// What the store calls it, without a tag.
    pub(super) repository: String,
    /// Its layers, bottom first: digest and compressed size.
    pub(super) layers: Vec<(Digest, ByteSize)>,
}

impl Baked {
    /// What the store calls it.
    pub(super) fn name(&self) -> String {
        format!("{}:latest", self.repository)
    }

    /// What a pipeline calls it that runs here.
    pub(super) fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// What is pulled by who has none of it.
    pub(super) fn size(&self) -> ByteSize {
        ByteSize(self.layers.iter().map(|(_, size)| size.bytes()).sum())
    }
}

impl<'a> Oven<'a> {
    pub(super) fn new(
        (settings, images, sandboxes): (&'a Settings, &'a Images<'a>, &'a Sandboxes),
        offline: bool,
    ) -> Self {
        Self { settings, images, sandboxes, offline, locks: RefCell::default() }
    }
}

impl Oven<'_> {
    /// Builds the images of all environments. One that cannot be built leaves its steps as they are.
    pub(super) fn bake_all(&self, steps: &mut Steps, context: &Context<'_>) -> Vec<Option<Baked>> {
        (0..steps.environments.len())
            .map(|environment| match self.bake(steps, environment, context) {
                Ok(image) => Some(image),
                Err(error) => {
                    steps.give_up(environment, &super::in_one_line(&error));
                    None
                }
            })
            .collect()
    }

    fn bake(
        &self,
        steps: &Steps,
        environment: usize,
        context: &Context<'_>,
    ) -> Result<Baked, Error> {
        let wanted = &steps.environments[environment];
        let (short, ground) = (wanted.key().short(), &(wanted.base.clone(), wanted.shell));
        let folder = self.project(steps, environment, &short)?;
        let project = ProjectArgs { folder, platform: None, offline: self.offline, vendor: None };
        let plan = plan_of(&project, &[], context)?;
        let mut locked = Locked::read(&project.folder)?.like(self.lock_like(ground));
        let parts = (self.settings, self.images, self.sandboxes);
        let kitchen = kitchen(&project, (&plan, &locked), parts, context)?;
        let lock = locked.settle(&plan, &kitchen, &Wish::Mend(Upgrade::Keep))?;
        if self.lock_like(ground).is_none() {
            self.locks.borrow_mut().push((ground.clone(), lock.clone()));
        }
        let compression = CompressionLevel::Zstd(9);
        let built = Builder { kitchen: &kitchen, plan: &plan, lock: &lock, compression }.build()?;
        let repository = format!("{REPOSITORY}/{short}");
        let destination = self.images.destination(&format!("store:{repository}:latest"))?;
        let progress = context.reading();
        let whole = Selection::Everything;
        copy_with(&built.image.assembly, &[], &*destination, &whole, &*progress)?;
        let layers = built.layers.iter().map(|layer| (layer.digest, layer.size)).collect();
        Ok(Baked { digest: built.image.digest, repository, layers })
    }

    fn lock_like(&self, wanted: &(Base, bool)) -> Option<Lock> {
        let locks = self.locks.borrow();
        locks.iter().find(|(ground, _)| ground == wanted).map(|(_, lock)| lock.clone())
    }

    /// The folder of an environment's project. Its lock stays from one time to the next; the other files are those of
    /// this pipeline.
    fn project(&self, steps: &Steps, environment: usize, short: &str) -> Result<PathBuf, Error> {
        let folder = self.settings.home.join(PROJECTS).join(short);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        for (name, text) in steps.folder(environment) {
            let path = folder.join(name);
            if !says(&path, &text) {
                whole::write(&path, &text)?;
            }
        }
        Ok(folder)
    }
}

/// Whether a file says this already.
fn says(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|known| known == text)
}
