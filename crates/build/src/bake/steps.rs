//! Which steps of a pipeline get which image.

use lightship_ir::lightweight::{Lightweight, NotLightweight, recognise};
use lightship_ir::{ContainerEdit, ContainerText, Package};

use super::{Base, BaseFault, Environment, Stand};

/// What becomes of the steps of a pipeline.
#[derive(Debug, Clone)]
pub struct Steps {
    /// One for each container of the pipeline, in its order.
    pub steps: Vec<Step>,
    /// The images that there must be, in the order of the steps.
    pub environments: Vec<Environment>,
    /// Steps that do what they did, elsewhere: in another image than the one that they name.
    pub moved: Vec<Moved>,
    /// What could not be built, and why.
    pub failed: Vec<(usize, String)>,
}

/// A step that does what it did in another image.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Its executor's key.
    pub executor: String,
    /// The image that it names.
    pub image: String,
    /// Where it runs.
    pub to: Place,
}

/// Where a step runs that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the image of this environment.
    Environment(usize),
    /// In this image.
    Image(String),
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
    /// It does not find in its image what it imports.
    #[error("in its image it cannot import {0}")]
    Imports(String),
}

impl Kept {
    /// Whether there was nothing to do in the first place.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Command(NotLightweight::Plain))
    }
}

/// Why containers of a pipeline can be edited.
const OWN: &str = "the containers are those of this very pipeline";

impl Steps {
    /// Looks at all containers of a pipeline.
    pub fn of(package: &Package) -> Self {
        Self::with(package, &|_| None)
    }

    /// The same where something else takes the place of some images.
    pub fn with(package: &Package, stands: &dyn Fn(&str) -> Option<Stand>) -> Self {
        let mut all = Self {
            steps: Vec::new(),
            environments: Vec::new(),
            moved: Vec::new(),
            failed: Vec::new(),
        };
        for container in package.containers() {
            let stand = stands(&container.image);
            let fate = all.fate(&container, stand.as_ref()).unwrap_or_else(Fate::Kept);
            let is_baked = matches!(fate, Fate::Baked { .. });
            let to = match stand {
                // Where it cannot be built, it installs what it needs itself.
                Some(Stand::Image(reference)) => Some(Place::Image(reference)),
                Some(Stand::Made(base)) if !is_baked => {
                    Some(Place::Environment(all.environment(Environment::plain(base))))
                }
                Some(Stand::Made(_)) | None => None,
            };
            let ContainerText { executor, image, .. } = container;
            all.moved.extend(to.map(|to| Moved {
                executor: executor.clone(),
                image: image.clone(),
                to,
            }));
            all.steps.push(Step { executor, image, fate });
        }
        all
    }

    /// An environment that steps may need whose images are known only when they start.
    pub fn made(&mut self, base: Base) -> usize {
        self.environment(Environment::plain(base))
    }

    fn fate(&mut self, container: &ContainerText, stand: Option<&Stand>) -> Result<Fate, Kept> {
        let step = recognise(&container.command, &container.args)?;
        if step.installs.iter().any(|install| install.pre) {
            return Err(NotLightweight::Pip("--pre".to_owned()).into());
        }
        let base = stand.map_or_else(|| Base::of(&container.image), Stand::base)?;
        let environment = self.environment(Environment::of(base, &step));
        Ok(Fate::Baked { environment, step: Box::new(step) })
    }

    fn environment(&mut self, wanted: Environment) -> usize {
        let known = self.environments.iter().position(|known| *known == wanted);
        known.unwrap_or_else(|| {
            self.environments.push(wanted);
            self.environments.len() - 1
        })
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
        self.failed.push((wanted, reason.to_owned()));
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
        for moved in &self.moved {
            let image = match &moved.to {
                Place::Image(reference) => Some(reference),
                Place::Environment(at) => images.get(*at).and_then(Option::as_ref),
            };
            let edit = ContainerEdit { image: image.cloned(), ..ContainerEdit::default() };
            package.edit_container(&moved.executor, edit).expect(OWN);
        }
        for step in &self.steps {
            let Fate::Baked { environment, step: what } = &step.fate else { continue };
            let Some(image) = images.get(*environment).and_then(Option::as_ref) else { continue };
            let edit = ContainerEdit {
                image: Some(image.clone()),
                command: Some(what.command(PYTHON)),
                args: None,
            };
            package.edit_container(&step.executor, edit).expect(OWN);
        }
        package
    }
}

/// The interpreter's name, which every base of ours has, and every image of Python.
const PYTHON: &str = "python3";

#[cfg(test)]
mod tests {
    use lightship_ir::Package;
    use serde_json::{Value, json};

    use super::*;
    use crate::bake::Environment;

    const PIP: &str = "python3 -m pip install --quiet";
    const RUN: &str = "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n\
                       _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path \
                       \"$program_path/ephemeral_component.py\" \"$@\"\n";

    /// A step that installs these, each with pip's words before it.
    fn step(image: &str, installs: &[&str]) -> Value {
        let installs: Vec<String> = installs.iter().map(|words| format!("{PIP} {words}")).collect();
        let script = format!("{} && \"$0\" \"$@\"", installs.join(" && "));
        json!({"container": {
            "image": image,
            "command": ["sh", "-c", script, "sh", "-ec", RUN, "import pandas\n\ndef f(): pass\n"],
            "args": ["--executor_input", "{{$}}", "--function_to_execute", "f"],
        }})
    }

    fn pipeline(executors: &Value) -> Package {
        let document = json!({
            "pipelineInfo": {"name": "p"},
            "root": {"dag": {"tasks": {}}},
            "deploymentSpec": {"executors": executors},
        });
        Package::read(document.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn steps_with_the_same_packages_share_an_image() {
        let kfp = "'kfp==2.14.6' '--no-deps'";
        let package = pipeline(&json!({
            "exec-a": step("python:3.11", &["'pandas'", kfp]),
            "exec-b": step("python:3.11", &["'pandas'", kfp]),
            "exec-c": step("python:3.12", &["'pandas'", kfp]),
            "exec-d": step("python:3.11", &[kfp]),
            "exec-e": {"container": {"image": "alpine", "command": ["echo"]}},
            "exec-f": step("python:latest", &[kfp]),
        }));
        let mut steps = Steps::of(&package);
        let shown = |steps: &Steps| -> Vec<String> {
            let one = |step: &Step| match &step.fate {
                Fate::Baked { environment, .. } => format!("{} {environment}", step.executor),
                Fate::Kept(reason) => format!("{}: {reason}", step.executor),
            };
            steps.steps.iter().map(one).collect()
        };
        assert_eq!(
            shown(&steps),
            [
                "exec-a 0",
                "exec-b 0",
                "exec-c 1",
                "exec-d 2",
                "exec-e: it installs nothing when it starts",
                "exec-f: `python:latest` does not say which Python 3.N",
            ]
        );
        let keys: Vec<_> = steps.environments.iter().map(Environment::key).collect();
        let tags = steps.environments.iter().zip(&keys);
        let tags: Vec<String> =
            tags.map(|(one, key)| one.tag().replace(&key.short(), "KEY")).collect();
        assert_eq!(tags, ["pandas-KEY", "pandas-KEY", "kfp-2.14.6-KEY"]);
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
        assert_eq!(steps.environments[0].alone().into_iter().collect::<Vec<_>>(), ["kfp"]);

        steps.give_up(1, "no suite has Python 3.12");
        assert_eq!(shown(&steps)[2], "exec-c: no suite has Python 3.12");
        let images = [Some("registry.example/a@sha256:1".to_owned()), None, None];
        let changed = steps.rewrite(&package, &images);
        let images: Vec<String> =
            changed.containers().into_iter().map(|container| container.image).collect();
        let same = "registry.example/a@sha256:1";
        assert_eq!(images, [same, same, "python:3.12", "python:3.11", "alpine", "python:latest"]);
        assert_eq!(changed.containers()[0].command[0], "python3");
        assert_eq!(changed.containers()[0].args, package.containers()[0].args);
    }

    #[test]
    fn what_takes_an_images_place_is_made_or_is_another_image() {
        let package = pipeline(&json!({
            "exec-a": step("team/own:1", &["'kfp==2.14.6' '--no-deps'"]),
            "exec-b": {"container": {"image": "alpine", "command": ["echo"]}},
            "exec-c": {"container": {"image": "busybox", "command": ["echo"]}},
            "exec-d": {"container": {"image": "other", "command": ["echo"]}},
        }));
        let plain = Base::Plain { python: Some((3, 11)), packages: vec!["curl".to_owned()] };
        let stands = |image: &str| match image {
            "team/own:1" => Some(Stand::Image("python:3.12".to_owned())),
            "alpine" => Some(Stand::Made(plain.clone())),
            "busybox" => Some(Stand::Image("oci:/images/busybox".to_owned())),
            _ => None,
        };
        let steps = Steps::with(&package, &stands);
        let bases: Vec<&Base> = steps.environments.iter().map(|one| &one.base).collect();
        assert_eq!(bases, [&Base::Native { major: 3, minor: 12 }, &plain]);
        let images = |built: &[Option<String>]| -> Vec<String> {
            let changed = steps.rewrite(&package, built);
            changed.containers().into_iter().map(|container| container.image).collect()
        };
        let built = [Some("x/a@sha256:1".to_owned()), Some("x/b@sha256:2".to_owned())];
        let busybox = "oci:/images/busybox";
        assert_eq!(images(&built), ["x/a@sha256:1", "x/b@sha256:2", busybox, "other"]);
        assert_eq!(images(&[None, None]), ["python:3.12", "alpine", busybox, "other"]);
        let (_, settings) = &steps.folder(1)[0];
        insta::assert_snapshot!(settings, @r#"
        [python]
        requirements = ["requirements.txt"]
        no-deps = []
        version = "3.11"

        [base]
        shell = true
        packages = ["curl"]

        [image]
        cmd = ["sh"]
        workdir = "/"
        user = "root"
        "#);
    }

    #[test]
    fn the_project_of_an_environment_says_what_its_steps_install_and_load() {
        let index = "--index-url https://index.example/simple 'pandas' 'kfp==2.0.0'";
        // The SDK repeats the index.
        let sdk = "--index-url https://index.example/simple 'kfp==2.14.6' '--no-deps'";
        let package = pipeline(&json!({
            "exec-a": step("python:3.11", &[index, sdk]),
        }));
        let files = Steps::of(&package).folder(0);
        let shown: Vec<String> =
            files.iter().map(|(name, text)| format!("== {name}\n{text}")).collect();
        insta::assert_snapshot!(shown.concat(), @r#"
        == lightship.toml
        [python]
        requirements = ["requirements.txt"]
        no-deps = []
        version = "3.11"

        [base]
        shell = false

        [image]
        cmd = ["python3"]
        workdir = "/"
        user = "root"
        == requirements.txt
        --index-url https://index.example/simple
        pandas
        kfp==2.14.6
        == lightship.profile
        kfp.dsl.executor_main
        pandas
        == .dockerignore
        *
        "#);
    }
}
