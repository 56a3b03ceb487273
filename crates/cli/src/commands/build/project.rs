//! What a project's folder asks for, as what locking and building want to know.

use std::collections::BTreeSet;
use std::path::Path;

use lightship_build::assemble::Grouping;
use lightship_build::base::{self, PythonWish};
use lightship_build::lean::Wishes;
use lightship_build::project::{
    AppKind, BaseKind, Evidence, Inferred, Note, Project, Requirements as Found,
    Scripts as WantedScripts,
};
use lightship_build::prune;
use lightship_build::resolve::{Requirements, Source};
use lightship_oci::spec::{Platform, RunConfig};
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::{Inputs, PlatformName};
use lightship_packages::python::normalise_name;
use lightship_packages::wheel::Scripts;
use serde_json::{Map, Value, json};

use super::kinds::Content;
use crate::commands::Error;
use crate::lean::{BasePlace, check_python};
use crate::settings::Environment;
use crate::settings::project::Project as ProjectFile;

/// A project, ready to be locked and built.
pub(in crate::commands) struct ProjectPlan {
    pub(in crate::commands) project: Project,
    pub(in crate::commands) content: Content,
    pub(in crate::commands) platform: PlatformName,
    pub(in crate::commands) oci_platform: Platform,
    pub(in crate::commands) wishes: Wishes,
    pub(in crate::commands) keep: BTreeSet<prune::Category>,
    pub(in crate::commands) python_because: String,
    pub(in crate::commands) source: Option<Source>,
    pub(in crate::commands) indexes: Vec<Index>,
    pub(in crate::commands) inputs: Inputs,
    pub(in crate::commands) run: RunConfig,
    pub(in crate::commands) base: BasePlace,
}

/// Base, further packages of the distribution, small packages, what was made here, byte code, project.
pub(super) const OTHER_LAYERS: usize = 6;

/// As many layers as runtimes bear.
pub(super) const MOST_LAYERS: usize = 127;

/// Who an image runs as if nobody says: an account that every base of ours has.
const NOBODY_IN_PARTICULAR: &str = "65532:65532";

impl ProjectPlan {
    /// Looks at a folder. `keep` are categories that the command line wants to stay.
    pub(in crate::commands) fn of(
        folder: &Path,
        platform: &Platform,
        keep: &[String],
        environment: &Environment,
    ) -> Result<Self, Error> {
        let file = ProjectFile::of_folder(folder)?;
        let mut project = Project::read(folder, file.settings, None)?;
        refuse_what_is_not_there(&project, platform)?;
        let (content, purpose) = Content::of(&mut project, &platform.architecture)?;
        let base =
            BasePlace::of(&project, |name| environment.named(name)?.to_str().map(str::to_owned))?;
        if let BasePlace::Image(_) = base {
            take_from_image(&mut project);
        }
        let (keep, keep_of_base) = categories(project.settings.build.keep.iter().chain(keep))?;
        let source = source(&project, environment)?;
        let (wish, python_because) = python(&project);
        let mut asked: Vec<String> = project.apt.iter().map(|apt| apt.value.name.clone()).collect();
        asked.sort();
        asked.dedup();
        let versions = versions(&project);
        let options = base::Options {
            purpose,
            python: match (&project.settings.base.kind, wish) {
                (BaseKind::Native, _) | (_, PythonWish::None) => wish,
                (BaseKind::Interpreter(_) | BaseKind::Image(_), _) => PythonWish::Elsewhere,
            },
            keep: asked,
            versions,
            shell: project.shell,
            keep_categories: keep_of_base,
        };
        let build = project.settings.build.packages.clone();
        let mut inputs = inputs(&project, source.as_ref(), &options, wish)?;
        content.inputs(purpose, &mut inputs);
        let requested = requested(source.as_ref());
        let wishes = Wishes { base: options, scripts: scripts(&project), requested, build };
        let indexes = indexes(&project, environment)?;
        Ok(Self {
            platform: platform
                .to_string()
                .parse()
                .map_err(|_| Error::Platform { platform: platform.to_string() })?,
            oci_platform: platform.clone(),
            run: run_config(&project),
            project,
            content,
            wishes,
            keep,
            python_because,
            source,
            indexes,
            inputs,
            base,
        })
    }

    /// How packages share layers: as many layers as the settings allow, of which some are not for single
    /// packages.
    pub(in crate::commands) fn grouping(&self) -> Grouping {
        let Some(layers) = self.project.settings.build.layers else { return Grouping::default() };
        let most = usize::try_from(layers).unwrap_or(usize::MAX).saturating_sub(OTHER_LAYERS);
        Grouping { most: most.min(MOST_LAYERS - OTHER_LAYERS), ..Grouping::default() }
    }

    /// What the image is called where the command line does not say.
    pub(in crate::commands) fn names(&self) -> Vec<String> {
        names(&self.project)
    }

    /// Whether a Python of this version will do; if not, who says so.
    pub(in crate::commands) fn check_python(&self, version: &str) -> Result<(), Error> {
        check_python(&self.project.python, version)
    }
}

/// What a project's image is called where nobody says: each of its tags.
pub(in crate::commands) fn names(project: &Project) -> Vec<String> {
    let image = &project.settings.image;
    let name = match &image.name {
        Some(name) => name.to_lowercase(),
        None => image_name(&project.name.value),
    };
    match &image.tags[..] {
        [] => vec![format!("{name}:latest")],
        tags => tags.iter().map(|tag| format!("{name}:{tag}")).collect(),
    }
}

fn refuse_what_is_not_there(project: &Project, platform: &Platform) -> Result<(), Error> {
    let is_elsewhere = platform.architecture != Platform::host().architecture;
    let what = match (&project.settings.base.kind, &project.settings.app.kind) {
        (BaseKind::Image(_) | BaseKind::Interpreter(_), AppKind::Python) if is_elsewhere => {
            "an image for another processor than this machine's on an image or archive as `[base]`"
        }
        (BaseKind::Native, _)
        | (BaseKind::Image(_) | BaseKind::Interpreter(_), AppKind::Python) => return Ok(()),
        (BaseKind::Interpreter(_), AppKind::Binary(_) | AppKind::Static(_)) => {
            "`binary` or `static` with an interpreter archive as `[base]`"
        }
        (BaseKind::Image(_), AppKind::Binary(_) | AppKind::Static(_)) => {
            "`binary` or `static` on an image as `[base]`"
        }
    };
    Err(Error::NotYet { what })
}

/// An image brings all that it has. What else of the distribution the project's files name is not added.
fn take_from_image(project: &mut Project) {
    let notes = project.apt.drain(..).map(|package| {
        let text =
            format!("{} is not installed: the base image has to bring it", package.value.name);
        Note { from: package.from, text }
    });
    project.notes.extend(notes);
    project.shell = false;
}

/// A name that a folder or a project gives an image: `my-project` of `My Project`.
fn image_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words = name.to_lowercase();
    let words: Vec<&str> = words.split(|c| !plain(c)).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "project".to_owned() } else { words.join("-") }
}

/// Names of categories, of packages' files and of the base's.
fn categories<'a>(
    names: impl Iterator<Item = &'a String>,
) -> Result<(BTreeSet<prune::Category>, BTreeSet<base::Category>), Error> {
    let (mut keep, mut of_base) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        let (own, base) = (name.parse::<prune::Category>(), name.parse::<base::Category>());
        if own.is_err() && base.is_err() {
            return Err(Error::UnknownCategory { name: name.clone() });
        }
        keep.extend(own);
        of_base.extend(base);
    }
    Ok((keep, of_base))
}

fn source(project: &Project, environment: &Environment) -> Result<Option<Source>, Error> {
    let folder = project.folder.clone();
    let python = &project.settings.python;
    let (extras, groups) = (python.extras.clone(), python.groups.clone());
    let alone: BTreeSet<String> = python.no_deps.iter().map(|name| normalise_name(name)).collect();
    let found = &project.requirements.value;
    if let (Some(lock), false) = (lock_of_another(found), alone.is_empty()) {
        return Err(Error::NoDepsOfLock { lock });
    }
    Ok(match found {
        Found::None => None,
        Found::UvLock(_) => Some(Source::UvLock { folder, extras, groups }),
        Found::Pyproject(_) => Some(Source::Pyproject { folder, extras, groups, alone }),
        Found::Pylock(file) => Some(Source::Pylock { file: folder.join(file), extras, groups }),
        Found::PoetryLock(file) => Some(Source::Poetry { file: folder.join(file), groups }),
        Found::PipfileLock(file) => {
            Some(Source::Pipfile { file: folder.join(file), develop: false })
        }
        Found::Files(files) => {
            let files: Vec<_> = files.iter().map(|file| folder.join(file)).collect();
            let variable = |name: &str| environment.named(name)?.to_str().map(str::to_owned);
            let mut requirements = Requirements::read(&files, &variable)?;
            requirements.alone = alone;
            Some(Source::Requirements { requirements, project: Some(folder) })
        }
        Found::SetupCfg(file) => {
            let mut requirements = Requirements::of_setup_cfg(&folder.join(file), &extras)?;
            requirements.alone = alone;
            Some(Source::Requirements { requirements, project: None })
        }
    })
}

/// The file in which another tool has chosen everything already.
fn lock_of_another(found: &Found) -> Option<String> {
    match found {
        Found::UvLock(file)
        | Found::Pylock(file)
        | Found::PoetryLock(file)
        | Found::PipfileLock(file) => Some(file.clone()),
        Found::None | Found::Pyproject(_) | Found::Files(_) | Found::SetupCfg(_) => None,
    }
}

/// Which Python, and who says so.
fn python(project: &Project) -> (PythonWish, String) {
    if project.settings.app.kind != AppKind::Python {
        return (PythonWish::None, String::new());
    }
    let none = project.requirements.value == Found::None && project.python.version.is_none();
    match &project.python.version {
        Some(Inferred { value, from }) => {
            let wish = PythonWish::Version(value.major.into(), value.minor.into());
            (wish, format!("{from} says {}", value.series()))
        }
        None if none && !runs_python(project) => (PythonWish::None, String::new()),
        None => {
            let own = match &project.settings.base.kind {
                BaseKind::Native => "the suite's own",
                BaseKind::Interpreter(_) => "the archive's",
                BaseKind::Image(_) => "the base image's own",
            };
            (PythonWish::Any, own.to_owned())
        }
    }
}

fn runs_python(project: &Project) -> bool {
    let words = project.entry.entrypoint.iter().chain(&project.entry.cmd);
    words.flat_map(|line| line.value.words()).next().is_none_or(|word| word.contains("python"))
}

fn inputs(
    project: &Project,
    source: Option<&Source>,
    options: &base::Options,
    wish: PythonWish,
) -> Result<Inputs, Error> {
    let mut inputs = Inputs::new();
    if let Some(source) = source {
        source.inputs(&mut inputs)?;
    }
    let python = match wish {
        PythonWish::None => "none".to_owned(),
        PythonWish::Any | PythonWish::Elsewhere => "any".to_owned(),
        PythonWish::Version(major, minor) => format!("{major}.{minor}"),
    };
    inputs.setting("python", &python);
    for index in project.settings.indexes.iter().filter(|index| !index.packages.is_empty()) {
        let mut packages = index.packages.clone();
        packages.sort();
        inputs.setting(&format!("packages of {}", index.label), &packages.join(", "));
    }
    if let BaseKind::Image(reference) = &project.settings.base.kind {
        inputs.text("base image", reference);
        return Ok(inputs);
    }
    if let BaseKind::Interpreter(archive) = &project.settings.base.kind {
        inputs.setting("interpreter", &archive.sha256.to_string());
    }
    if !options.keep.is_empty() {
        let version = |name: &String| options.versions.iter().find(|(of, _)| of == name);
        let shown = |name: &String| match version(name) {
            Some((name, version)) => format!("{name}={version}"),
            None => name.clone(),
        };
        let packages: Vec<String> = options.keep.iter().map(shown).collect();
        inputs.setting("packages", &packages.join(", "));
    }
    if !project.settings.build.packages.is_empty() {
        let mut packages = project.settings.build.packages.clone();
        packages.sort();
        inputs.setting("build-packages", &packages.join(", "));
    }
    if options.shell {
        inputs.setting("shell", "yes");
    }
    if let Some(suite) = &project.settings.base.suite {
        inputs.setting("suite", suite);
    }
    Ok(inputs)
}

/// The versions that the settings ask for. Those of a Dockerfile are of its own image's distribution, which
/// need not be this one, and do not count.
fn versions(project: &Project) -> Vec<(String, String)> {
    let own = project.apt.iter().filter(|apt| apt.from == Evidence::settings());
    own.filter_map(|apt| Some((apt.value.name.clone(), apt.value.version.clone()?))).collect()
}

/// Distributions that the requirements files name themselves.
fn requested(source: Option<&Source>) -> BTreeSet<String> {
    let Some(Source::Requirements { requirements, .. }) = source else { return BTreeSet::new() };
    requirements.names()
}

/// Commands of packages that the image's own command names, and those that the settings name.
fn scripts(project: &Project) -> Scripts {
    let mut names = project.programs();
    match &project.settings.python.scripts {
        WantedScripts::None => Scripts::None,
        WantedScripts::All => Scripts::All,
        WantedScripts::Needed => Scripts::Named(names),
        WantedScripts::Named(more) => {
            names.extend(more.iter().cloned());
            Scripts::Named(names)
        }
    }
}

/// Indexes that the project's own settings name.
fn indexes(project: &Project, environment: &Environment) -> Result<Vec<Index>, Error> {
    let variable = |name: &str| environment.named(name)?.to_str().map(str::to_owned);
    let one = |index: &lightship_build::project::IndexSettings| {
        let bad = |reason: String| Error::BadIndex { label: index.label.clone(), reason };
        let url = index.url.resolve(variable).map_err(|error| bad(error.to_string()))?;
        let url = url.parse().map_err(|_| bad("it is no address".to_owned()))?;
        let role = match (index.default, index.packages.is_empty()) {
            (true, _) => Role::Default,
            (false, true) => Role::Extra,
            (false, false) => Role::Named,
        };
        let found = Index::new(&index.label, Place::Repository(url), role);
        Ok(found.with_packages(index.packages.clone()))
    };
    project.settings.indexes.iter().map(one).collect()
}

fn run_config(project: &Project) -> RunConfig {
    let words =
        |line: &Inferred<lightship_build::project::CommandLine>| line.value.words().to_vec();
    let mut extra = Map::new();
    if !project.expose.is_empty() {
        let ports = project.expose.iter().map(|port| (port.value.clone(), json!({})));
        extra.insert("ExposedPorts".to_owned(), Value::Object(ports.collect()));
    }
    if !project.volumes.is_empty() {
        let volumes = project.volumes.iter().map(|volume| (volume.value.clone(), json!({})));
        extra.insert("Volumes".to_owned(), Value::Object(volumes.collect()));
    }
    if let Some(signal) = &project.stop_signal {
        extra.insert("StopSignal".to_owned(), Value::String(signal.value.clone()));
    }
    let workdir = &project.workdir.value;
    let workdir = if workdir.starts_with('/') { workdir.clone() } else { format!("/{workdir}") };
    let labels = project.labels.iter().map(|(name, value)| (name.clone(), value.value.clone()));
    // What an image below says goes on where nobody says otherwise; but a program that was found in the
    // folder starts where the folder is.
    let onto = matches!(project.settings.base.kind, BaseKind::Image(_));
    let runs = project.entry.entrypoint.is_some() || project.entry.cmd.is_some();
    let inherits = onto && !runs && project.workdir.from == Evidence::default_value();
    let user = project.user.as_ref().map(|user| user.value.clone());
    RunConfig {
        user: user.or_else(|| (!onto).then(|| NOBODY_IN_PARTICULAR.to_owned())),
        env: Some(
            project.env.iter().map(|(name, value)| format!("{name}={}", value.value)).collect(),
        ),
        entrypoint: project.entry.entrypoint.as_ref().map(words),
        cmd: project.entry.cmd.as_ref().map(words),
        working_dir: (!inherits).then_some(workdir),
        labels: Some(labels.collect())
            .filter(|labels: &std::collections::BTreeMap<_, _>| !labels.is_empty()),
        extra,
    }
}
