//! What a folder is: its requirements, its settings, what its Dockerfile tells. Everything inferred
//! says where it is written, so that a person can check it.

mod docker;
mod entry;
mod error;
mod evidence;
mod files;
mod init;
mod kinds;
mod layout;
mod programs;
mod python;
mod requirements;
mod secrets;
mod settings;
mod system;
#[cfg(test)]
mod tests;
mod wish;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lightship_codec::tar::RootPath;
use lightship_dockerfile::Apt;
use lightship_dockerfile::ignore::Patterns;

use crate::app::AppOptions;
use crate::bytecode::Profile;
use docker::Docker;
use files::Toml;

pub use entry::Entry;
pub use error::ProjectError;
pub use evidence::{Evidence, Inferred, Note};
pub(crate) use files::section;
pub use init::init;
pub use python::{PythonRange, PythonRangeError, PythonVersion, PythonVersionError};
pub use requirements::Requirements;
pub use settings::{
    Address, AddressError, AppKind, AppSettings, ArchivePlace, BaseKind, BaseSettings,
    BinarySettings, BuildSettings, Bytecode, ImageSettings, IndexSettings, InterpreterArchive,
    PythonSettings, Scripts, Settings, StaticSettings,
};
pub use wish::PythonWish;
pub use words::{CommandLine, CommandLineError};

/// Where the project goes if nobody says.
const DESTINATION: &str = "/app";

/// What a folder is.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// What its settings say.
    pub settings: Settings,
    /// What it is called.
    pub name: Inferred<String>,
    /// What says which packages it needs.
    pub requirements: Inferred<Requirements>,
    /// Which Python it wants.
    pub python: PythonWish,
    /// Packages of the distribution that its Dockerfile installs and its image needs, and those of the
    /// settings.
    pub apt: Vec<Inferred<Apt>>,
    /// What runs.
    pub entry: Entry,
    /// Variables.
    pub env: BTreeMap<String, Inferred<String>>,
    /// Where it starts. Absolute.
    pub workdir: Inferred<String>,
    /// Who runs; none leaves it to the base's own user.
    pub user: Option<Inferred<String>>,
    /// Ports: `8080/tcp`.
    pub expose: Vec<Inferred<String>>,
    /// Labels.
    pub labels: BTreeMap<String, Inferred<String>>,
    /// The signal that ends it.
    pub stop_signal: Option<Inferred<String>>,
    /// Whether the base must have a shell.
    pub shell: bool,
    /// Folders that whoever runs the image is asked to keep: `VOLUME`.
    pub volumes: Vec<Inferred<String>>,
    /// Modules that its program was seen to load.
    pub profile: Profile,
    /// What of the folder goes into the image: for [`crate::app::collect`].
    pub app: AppOptions,
    /// What the user should know.
    pub notes: Vec<Note>,
}

impl Project {
    /// Looks at a folder. `dockerfile` is one that the user names, from the folder; otherwise its
    /// `Dockerfile` or `Containerfile` is read, if there is one.
    pub fn read(
        folder: &Path,
        settings: Settings,
        dockerfile: Option<&str>,
    ) -> Result<Self, ProjectError> {
        match settings.app.kind.clone() {
            AppKind::Python => Self::of_python(folder, settings, dockerfile),
            AppKind::Binary(binary) => kinds::binary(folder, settings, &binary),
            AppKind::Static(site) => kinds::site(folder, settings, dockerfile, &site),
        }
    }

    fn of_python(
        folder: &Path,
        settings: Settings,
        dockerfile: Option<&str>,
    ) -> Result<Self, ProjectError> {
        let mut notes = Vec::new();
        let docker = Docker::read(folder, dockerfile)?;
        let text = files::text(folder, "pyproject.toml")?;
        let pyproject =
            text.as_deref().map(|text| Toml::parse("pyproject.toml", text)).transpose()?;
        let toml = pyproject.as_ref();
        let installed = docker.as_ref().map(Docker::requirement_files).unwrap_or_default();
        let requirements = requirements::find(folder, &settings, toml, &installed, &mut notes)?;
        let from_image = docker.as_ref().and_then(|docker| docker.python(&mut notes));
        let python = wish::find(folder, &settings, toml, from_image, &mut notes)?;
        let facts = docker.as_ref().map(|docker| (docker.file.as_str(), &docker.facts));
        let entry = entry::find(folder, &settings, facts, toml, &mut notes)?;
        let name = name(folder, &settings, toml);
        let app = app_options(folder, &settings, &name.value, docker.as_ref(), &mut notes)?;
        let about = docker.as_ref().map(|docker| docker.about(&mut notes)).unwrap_or_default();
        let mut apt = about.apt;
        apt.extend(settings.base.packages.iter().map(|package| of_settings(package)));
        let workdir = workdir(&settings, about.workdir, &app);
        let image = &settings.image;
        let written = |text: &String| Inferred::new(text.clone(), Evidence::settings());
        let over = |mut below: BTreeMap<String, Inferred<String>>,
                    own: &BTreeMap<String, String>| {
            below.extend(own.iter().map(|(name, value)| (name.clone(), written(value))));
            below
        };
        let expose = if image.expose.is_empty() {
            about.expose
        } else {
            image.expose.iter().map(written).collect()
        };
        let mut env = over(about.env, &image.env);
        if settings.app.kind == AppKind::Python {
            layout::name_source(folder, &app, &mut env);
        }
        Ok(Self {
            folder: folder.to_owned(),
            name,
            requirements,
            python,
            apt,
            shell: settings.base.shell.unwrap_or(entry.needs_shell),
            entry,
            env,
            workdir,
            user: image.user.as_ref().map(written).or(about.user),
            expose,
            labels: over(about.labels, &image.labels),
            stop_signal: about.stop_signal,
            volumes: about.volumes,
            profile: profile_of(folder)?,
            app,
            notes,
            settings,
        })
    }
}

/// The modules that the program of a folder was seen to load.
pub fn profile_of(folder: &Path) -> Result<Profile, ProjectError> {
    let name = Profile::FILE_NAME;
    let text = files::text(folder, name)?.unwrap_or_default();
    Profile::parse(&text).map_err(|error| {
        let from = Evidence::line(name, error.line);
        ProjectError::Invalid { from, message: error.to_string() }
    })
}

/// `name`, `name=version`.
fn of_settings(package: &str) -> Inferred<Apt> {
    let (name, version) = match package.split_once('=') {
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (package, None),
    };
    Inferred::new(Apt { name: name.to_owned(), version }, Evidence::settings())
}

fn name(folder: &Path, settings: &Settings, pyproject: Option<&Toml<'_>>) -> Inferred<String> {
    if let Some(name) = &settings.image.name {
        let last = name.rsplit('/').next().unwrap_or(name);
        return Inferred::new(last.to_owned(), Evidence::settings());
    }
    let declared = pyproject.and_then(|toml| {
        toml.string(&["project", "name"]).or_else(|| toml.string(&["tool", "poetry", "name"]))
    });
    declared.unwrap_or_else(|| {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Inferred::new(name.unwrap_or_else(|| "app".to_owned()), Evidence::file("folder"))
    })
}

fn workdir(
    settings: &Settings,
    docker: Option<Inferred<String>>,
    app: &AppOptions,
) -> Inferred<String> {
    match (&settings.image.workdir, docker) {
        (Some(path), _) => Inferred::new(path.clone(), Evidence::settings()),
        (None, Some(found)) => found,
        (None, None) => Inferred::new(app.destination.to_string(), Evidence::default_value()),
    }
}

fn app_options(
    folder: &Path,
    settings: &Settings,
    name: &str,
    docker: Option<&Docker>,
    notes: &mut Vec<Note>,
) -> Result<AppOptions, ProjectError> {
    let patterns = |key: &str, list: &[String]| {
        Patterns::of(list)
            .map_err(|source| ProjectError::Ignore { file: format!("[app] {key}"), source })
    };
    let place = |path: &str| {
        RootPath::parse(path.as_bytes())
            .map_err(|source| ProjectError::Place { path: path.to_owned(), source })
    };
    let (destination, copies) = match (&settings.app.destination, docker) {
        (Some(path), docker) => {
            if let Some(docker) = docker.filter(|docker| !docker.facts.copies.is_empty()) {
                let text = "its copies do not count: [app] destination says where everything goes";
                let from = Evidence::file(docker.file.clone());
                notes.push(Note { from, text: text.to_owned() });
            }
            (place(path)?, Vec::new())
        }
        (None, Some(docker)) => {
            let (path, copies) = docker.layout(notes)?;
            (place(path.as_deref().unwrap_or(DESTINATION))?, copies)
        }
        (None, None) => (place(DESTINATION)?, Vec::new()),
    };
    Ok(AppOptions {
        name: name.to_owned(),
        destination,
        include: patterns("include", &settings.app.include)?,
        exclude: patterns("exclude", &settings.app.exclude)?,
        ignore: docker::ignore(folder, docker)?,
        copies,
    })
}
