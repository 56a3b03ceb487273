//! Which steps of a pipeline get which image.

use lightship_ir::Package;
use lightship_ir::lightweight::{Lightweight, NotLightweight, recognise};

use super::{Base, BaseFault, Environment};

/// What becomes of the steps of a pipeline.
#[derive(Debug, Clone)]
pub struct Steps {
    /// One for each container of the pipeline, in its order.
    pub steps: Vec<Step>,
    /// The images that there must be, in the order of the steps.
    pub environments: Vec<Environment>,
}

/// A container of a pipeline.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its executor's key: `exec-train`.
    pub executor: String,
    /// The image that it names.
    pub image: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a container.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It runs in an image of its own.
    Baked {
        /// Which of the environments.
        environment: usize,
        /// What it is.
        step: Box<Lightweight>,
    },
    /// It stays as it is.
    Kept(Kept),
}

/// Why a container stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    /// It is not a step that installs its packages.
    #[error(transparent)]
    Command(#[from] NotLightweight),
    /// Nothing can take its image's place.
    #[error(transparent)]
    Image(#[from] BaseFault),
    /// Its image could not be built.
    #[error("{0}")]
    Build(String),
}

impl Kept {
    /// Whether there was nothing to do in the first place.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Command(NotLightweight::Plain))
    }
}

impl Steps {
    /// Looks at all containers of a pipeline.
    pub fn of(package: &Package) -> Self {
        let mut all = Self { steps: Vec::new(), environments: Vec::new() };
        for container in package.containers() {
            let fate = all.fate(&container.image, &container.command, &container.args);
            let fate = fate.unwrap_or_else(Fate::Kept);
            all.steps.push(Step { executor: container.executor, image: container.image, fate });
        }
        all
    }

    fn fate(&mut self, image: &str, command: &[String], args: &[String]) -> Result<Fate, Kept> {
        let step = recognise(command, args)?;
        if step.installs.iter().any(|install| install.pre) {
            return Err(NotLightweight::Pip("--pre".to_owned()).into());
        }
        let environment = Environment::of(Base::of(image)?, &step);
        let known = self.environments.iter().position(|known| *known == environment);
        let environment = known.unwrap_or_else(|| {
            self.environments.push(environment);
            self.environments.len() - 1
        });
        Ok(Fate::Baked { environment, step: Box::new(step) })
    }

    /// The steps of an environment.
    pub fn sharing(&self, wanted: usize) -> impl Iterator<Item = (&Step, &Lightweight)> {
        self.steps.iter().filter_map(move |one| match &one.fate {
            Fate::Baked { environment, step } if *environment == wanted => Some((one, &**step)),
            Fate::Baked { .. } | Fate::Kept(_) => None,
        })
    }

    /// Gives up an environment: its steps stay as they are.
    pub fn give_up(&mut self, wanted: usize, reason: &str) {
        for one in &mut self.steps {
            if matches!(one.fate, Fate::Baked { environment, .. } if environment == wanted) {
                one.fate = Fate::Kept(Kept::Build(reason.to_owned()));
            }
        }
    }

    /// The pipeline with `images` in place of its own: what the image of each environment is called, where it was
    /// built. All else of it stays.
    pub fn rewrite(&self, package: &Package, images: &[Option<String>]) -> Package {
        let mut package = package.clone();
        for step in &self.steps {
            let Fate::Baked { environment, step: what } = &step.fate else { continue };
            let Some(image) = images.get(*environment).and_then(Option::as_ref) else { continue };
            let edit = lightship_ir::ContainerEdit {
                image: Some(image.clone()),
                command: Some(what.command(PYTHON)),
                args: None,
            };
            let known = package.edit_container(&step.executor, edit);
            debug_assert!(known.is_ok(), "the containers are those of this very pipeline");
        }
        package
    }
}

/// The interpreter's name, which every base of ours has, and every image of Python.
const PYTHON: &str = "python3";
