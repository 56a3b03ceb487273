//! What a pipeline finds on this machine instead of in a cluster: what `lightship.toml` says about its images, secrets
//! and config maps, and who runs its steps.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lightship_build::bake::{Base, Place, Stand as Taken, Steps};
use lightship_exec::process::supervisor;
use lightship_exec::{
    Declared, LocalExecutor, Settings as ExecutorSettings, Supervisors, Value, Volumes, Walls,
};
use lightship_ir::Plan;
use lightship_oci::reference::RegistryReference;

use super::PipelineError;
use super::bake::oven::{Baked, Oven};
use super::read::Pipeline;
use super::record::Record;
use super::rooms::{Layout, Rooms};
use crate::args::{ExecutorKind, HereArgs, RegistryArgs};
use crate::commands::{Context, Error};
use crate::images::Images;
use crate::sandboxes::{Sandboxes, own_program};
use crate::settings::project::{FILE_NAME, Keys, PYPROJECT, Project, Source, Stand};
use crate::settings::{Environment, Settings};

/// What a pipeline finds here.
pub(super) struct Here {
    kind: ExecutorKind,
    /// What takes the place of images, by one spelling of their names.
    images: BTreeMap<String, Stand>,
    /// Images that were made for names that are known only when steps start.
    made: BTreeMap<String, String>,
    secrets: BTreeMap<String, Declared>,
    config_maps: BTreeMap<String, Declared>,
}

impl Here {
    /// Reads the settings that are named, or those beside the pipeline, or those of the folder that this runs in.
    pub(super) fn read(
        args: &HereArgs,
        pipeline: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let found = match &args.config {
            Some(path) => Project::read(&environment.absolute(path))?,
            None => Project::of_folder(&folder(pipeline, environment))?,
        }
        .pipelines;
        let declared = |objects: BTreeMap<String, Keys>| -> BTreeMap<String, Declared> {
            let one = |(name, keys): (String, Keys)| (name, values(keys, environment));
            objects.into_iter().map(one).collect()
        };
        let images = found.images.into_iter();
        Ok(Self {
            kind: args.executor,
            images: images.map(|(name, stand)| (spelled(&name), stand)).collect(),
            made: BTreeMap::new(),
            secrets: declared(found.secrets),
            config_maps: declared(found.config_maps),
        })
    }

    /// Looks whether all that steps take is there. Builds the images of steps that would install packages, and those that take others' places; the plan in which
    /// steps have them.
    pub(super) fn baked(
        &mut self,
        (path, pipeline): (&Path, &Pipeline),
        (registry, offline): (&RegistryArgs, bool),
        settings: &Settings,
        context: &mut Context<'_>,
    ) -> Result<Plan, Error> {
        let missing = self.volumes(PathBuf::new()).undeclared(&pipeline.plan);
        if !missing.is_empty() {
            return Err(PipelineError::Undeclared { path: path.to_owned(), missing }.into());
        }
        let images = Images::new(settings, registry.plain_http);
        let sandboxes = Sandboxes::open(settings)?;
        let oven = Oven::new((settings, &images, &sandboxes), offline);
        let mut steps = Steps::with(&pipeline.package, &|image| self.taken(image));
        let later = self.known_later(&mut steps);
        let baked = oven.bake_all(&mut steps, context);
        let names: Vec<Option<String>> =
            baked.iter().map(|image| image.as_ref().map(Baked::reference)).collect();
        Self::check(&steps, &later, &names)?;
        if !context.global.quiet {
            for (_, reason) in &steps.failed {
                context.terminal.complain(&format!(
                    "note: steps install their packages when they start, because no image could be baked: {reason}\n"
                ));
            }
        }
        let made = later.into_iter().filter_map(|(name, at)| Some((name, names[at].clone()?)));
        self.made = made.collect();
        let package = steps.rewrite(&pipeline.package, &names);
        let problems = |source| PipelineError::Problems { path: path.to_owned(), source };
        Ok(Plan::compile(&package).map_err(problems)?)
    }

    /// Images that must be made although no step names them: a step whose image follows from its inputs may.
    fn known_later(&self, steps: &mut Steps) -> Vec<(String, usize)> {
        if !steps.steps.iter().any(|step| step.image.contains("{{")) {
            return Vec::new();
        }
        let native = self.images.iter().filter_map(|(name, stand)| match taken(stand) {
            Taken::Made(base) => Some((name.clone(), base)),
            Taken::Image(_) => None,
        });
        native.map(|(name, base)| (name, steps.made(base))).collect()
    }

    /// That every image was built that takes another's place: there is nothing else for its steps.
    fn check(
        steps: &Steps,
        later: &[(String, usize)],
        built: &[Option<String>],
    ) -> Result<(), Error> {
        let moved = steps.moved.iter().filter_map(|moved| match &moved.to {
            Place::Environment(at) => Some((&moved.image, *at)),
            Place::Image(_) => None,
        });
        let later = later.iter().map(|(name, at)| (name, *at));
        for (image, at) in moved.chain(later) {
            if built[at].is_none() {
                let reason = steps.failed.iter().find(|(failed, _)| *failed == at);
                let reason = reason.map(|(_, reason)| reason.clone()).unwrap_or_default();
                return Err(PipelineError::Stand { image: image.clone(), reason }.into());
            }
        }
        Ok(())
    }

    /// What takes an image's place.
    fn taken(&self, image: &str) -> Option<Taken> {
        self.images.get(&spelled(image)).map(taken)
    }

    /// What stands for volumes, secrets and config maps. `folder` is that of volumes.
    fn volumes(&self, folder: PathBuf) -> Volumes {
        Volumes { folder, secrets: self.secrets.clone(), config_maps: self.config_maps.clone() }
    }

    /// Who runs the steps.
    pub(super) fn executor(
        &self,
        (settings, plain_http, offline): (&Settings, bool, bool),
        record: &Record,
        context: &mut Context<'_>,
    ) -> Result<LocalExecutor, Error> {
        if let Some(note) = self.note().filter(|_| !context.global.quiet) {
            context.terminal.complain(note);
        }
        let sandboxes = Arc::new(Sandboxes::open(settings)?);
        let (walls, layout) = match self.kind {
            ExecutorKind::Sandbox => {
                (Walls::Sandbox(sandboxes.launcher().clone()), Layout::Stacked)
            }
            ExecutorKind::Process => {
                let search_path = context.environment.named("PATH").unwrap_or_default();
                let supervisors = Supervisors {
                    program: own_program(),
                    arguments: vec![supervisor::ARGUMENT.into()],
                    search_path: search_path.to_owned(),
                };
                (Walls::None(supervisors), Layout::OneFolder)
            }
        };
        let others = self.images.iter().filter_map(|(name, stand)| match taken(stand) {
            Taken::Image(reference) => Some((name.clone(), reference)),
            Taken::Made(_) => None,
        });
        let mapped = others.chain(self.made.clone()).collect();
        let rooms = Rooms::new((settings.clone(), plain_http, offline), sandboxes, layout, mapped);
        Ok(LocalExecutor::new(ExecutorSettings {
            walls,
            images: Box::new(rooms),
            volumes: self.volumes(record.volumes()),
            runs: record.runs(),
            artifacts: record.artifacts(),
        }))
    }

    /// What a person should know about who runs the steps.
    fn note(&self) -> Option<&'static str> {
        match self.kind {
            ExecutorKind::Sandbox => None,
            ExecutorKind::Process => Some(
                "note: steps run without a sandbox: they can do to this machine whatever you can\n",
            ),
        }
    }
}

/// Where settings are looked for: beside the pipeline, or else where this runs.
fn folder(pipeline: Option<&Path>, environment: &Environment) -> PathBuf {
    let beside = pipeline.map(|path| environment.absolute(path));
    let beside = beside.as_deref().and_then(Path::parent);
    let has =
        |folder: &&Path| [FILE_NAME, PYPROJECT].iter().any(|name| folder.join(name).is_file());
    beside.filter(has).map_or_else(|| environment.absolute(Path::new("")), Path::to_owned)
}

/// One spelling of an image's name: `alpine` is `docker.io/library/alpine:latest`.
pub(super) fn spelled(image: &str) -> String {
    image.parse::<RegistryReference>().map_or_else(|_| image.to_owned(), |name| name.to_string())
}

fn taken(stand: &Stand) -> Taken {
    match stand {
        Stand::Native { packages, python: Some((major, minor)) } if packages.is_empty() => {
            // The same that a step gets which names it.
            Taken::Made(Base::Native { major: *major, minor: *minor })
        }
        Stand::Native { packages, python } => {
            Taken::Made(Base::Plain { python: *python, packages: packages.clone() })
        }
        Stand::Image { reference, folder } => Taken::Image(absolute(reference, folder)),
    }
}

/// The same name wherever it is read: what begins in a folder has the folder before it.
fn absolute(reference: &str, folder: &Path) -> String {
    let (kind, rest) = match reference.split_once(':') {
        Some((kind @ ("oci" | "oci-archive" | "docker-archive"), rest)) => {
            (format!("{kind}:"), rest)
        }
        _ if reference.starts_with("./") || reference.starts_with("../") => {
            (String::new(), reference)
        }
        _ => return reference.to_owned(),
    };
    format!("{kind}{}", folder.join(rest.trim_start_matches("./")).display())
}

/// The values of a secret or config map. Files are read when a step takes them.
fn values(keys: Keys, environment: &Environment) -> Declared {
    let value = |source| match source {
        Source::File(path) => Value::File(path),
        Source::Text(text) => Value::Bytes(text.into_bytes()),
        Source::Variable(name) => match environment.named(&name) {
            Some(value) => Value::Bytes(value.as_bytes().to_vec()),
            None => Value::Unset(name),
        },
    };
    keys.into_iter().map(|(key, source)| (key, value(source))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_spelled() {
        for name in ["alpine", "alpine:latest", "docker.io/library/alpine"] {
            assert_eq!(spelled(name), spelled("docker.io/library/alpine:latest"), "{name}");
        }
        assert_ne!(spelled("alpine"), spelled("alpine:3.19"));
        assert_ne!(spelled("alpine"), spelled("registry.example/alpine"));
    }

    #[test]
    fn paths_begin_beside_the_file_and_other_names_stay() {
        let folder = Path::new("/project");
        for (written, meant) in [
            ("oci:images/a:1", "oci:/project/images/a:1"),
            ("docker-archive:./a.tar", "docker-archive:/project/a.tar"),
            ("oci:/else/a", "oci:/else/a"),
            ("./a.tar", "/project/a.tar"),
            ("registry.example:5000/a", "registry.example:5000/a"),
            ("store:a", "store:a"),
        ] {
            assert_eq!(absolute(written, folder), meant);
        }
    }
}
