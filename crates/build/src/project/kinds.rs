//! Projects whose image is not for Python: one executable, or a folder of web files. Only their settings
//! count; a Dockerfile beside them describes an image of another kind, and tells no more than a port.

use std::collections::BTreeMap;
use std::path::Path;

use lightship_codec::tar::RootPath;
use lightship_dockerfile::ignore::Patterns;

use super::docker::Docker;
use super::{
    AppKind, BinarySettings, CommandLine, DESTINATION, Entry, Evidence, Inferred, Note, Project,
    ProjectError, PythonSettings, PythonWish, Requirements, Settings, StaticSettings, name,
    of_settings,
};
use crate::app::{AppOptions, CopyRule};
use crate::bytecode::Profile;
use crate::{program, web};

/// An image for one executable.
pub(super) fn binary(
    folder: &Path,
    settings: Settings,
    binary: &BinarySettings,
) -> Result<Project, ProjectError> {
    let mut project = plain(folder, settings)?;
    let place = program::place(&project.app.destination, &binary.path);
    let literal = literal(&binary.path);
    project.app.copies = vec![CopyRule {
        sources: vec![literal.clone()],
        destination: place.clone(),
        into_folder: false,
    }];
    // `.dockerignore` and our own rules leave out what tools build, and this is what they built.
    let mut include = project.settings.app.include.clone();
    include.push(literal);
    project.app.include = patterns("include", &include)?;
    let command = vec![place.to_string()];
    project.entry.entrypoint = project.entry.entrypoint.or_else(|| own(command, "binary"));
    Ok(project)
}

/// An image for web files. The folder of these is looked through as if it were the project's, but for its
/// place: what `.dockerignore` says of the project does not count in it.
pub(super) fn site(
    folder: &Path,
    settings: Settings,
    dockerfile: Option<&str>,
    site: &StaticSettings,
) -> Result<Project, ProjectError> {
    let mut project = plain(folder, settings)?;
    let from_settings = project.entry.entrypoint.is_some() || project.entry.cmd.is_some();
    if from_settings || site.folder.is_empty() {
        let message =
            "an image for `static` files runs their server: it has no `entrypoint` or `cmd`";
        return Err(invalid(message));
    }
    project.entry.entrypoint = own(web::command(), "static");
    project.stop_signal =
        Some(Inferred::new(web::STOP_SIGNAL.to_owned(), Evidence::default_value()));
    if project.expose.is_empty() {
        project.expose = ports_of_dockerfile(folder, dockerfile, &mut project.notes)?;
    }
    if project.expose.is_empty() {
        let port = format!("{}/tcp", web::PORT);
        project.expose.push(Inferred::new(port, Evidence::default_value()));
    }
    if tcp_ports(&project).is_empty() {
        return Err(invalid("`expose` under [image] has no TCP port, and web files need one"));
    }
    Ok(project)
}

/// The ports that web files are served at.
pub(super) fn tcp_ports(project: &Project) -> Vec<u16> {
    let number = |port: &Inferred<String>| port.value.strip_suffix("/tcp")?.parse::<u16>().ok();
    project.expose.iter().filter_map(number).collect()
}

/// What the settings say, and nothing else.
fn plain(folder: &Path, settings: Settings) -> Result<Project, ProjectError> {
    if settings.python != PythonSettings::default() {
        return Err(invalid("[python] is for images of Python projects: leave it out"));
    }
    let image = &settings.image;
    let written = |text: &String| Inferred::new(text.clone(), Evidence::settings());
    let all = |own: &BTreeMap<String, String>| {
        own.iter().map(|(name, value)| (name.clone(), written(value))).collect()
    };
    let line = |line: &Option<CommandLine>| {
        line.clone().map(|line| Inferred::new(line, Evidence::settings()))
    };
    let destination = settings.app.destination.as_deref().unwrap_or(DESTINATION);
    let destination = RootPath::parse(destination.as_bytes())
        .map_err(|source| ProjectError::Place { path: destination.to_owned(), source })?;
    let name = name(folder, &settings, None);
    let app = AppOptions {
        name: name.value.clone(),
        include: patterns("include", &settings.app.include)?,
        exclude: patterns("exclude", &settings.app.exclude)?,
        ..AppOptions::to("", destination)
    };
    let workdir = match &image.workdir {
        Some(path) => Inferred::new(path.clone(), Evidence::settings()),
        None => Inferred::new(app.destination.to_string(), Evidence::default_value()),
    };
    let entry =
        Entry { entrypoint: line(&image.entrypoint), cmd: line(&image.cmd), needs_shell: false };
    Ok(Project {
        folder: folder.to_owned(),
        name,
        requirements: Inferred::new(Requirements::None, Evidence::default_value()),
        python: PythonWish::default(),
        apt: settings.base.packages.iter().map(|package| of_settings(package)).collect(),
        entry,
        env: all(&image.env),
        workdir,
        user: image.user.as_ref().map(written),
        expose: image.expose.iter().map(written).collect(),
        labels: all(&image.labels),
        stop_signal: None,
        shell: settings.base.shell.unwrap_or(false),
        volumes: Vec::new(),
        profile: Profile::default(),
        app,
        notes: Vec::new(),
        settings,
    })
}

/// Ports of a Dockerfile that an ordinary user may listen at.
fn ports_of_dockerfile(
    folder: &Path,
    dockerfile: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Inferred<String>>, ProjectError> {
    let Some(docker) = Docker::read(folder, dockerfile)? else { return Ok(Vec::new()) };
    // What else it tells is about the image that it makes.
    let mut ports = docker.about(&mut Vec::new()).expose;
    ports.retain(|port| {
        let number = port.value.strip_suffix("/tcp").and_then(|text| text.parse::<u16>().ok());
        let free = number.is_some_and(|number| number >= web::FIRST_FREE_PORT);
        if !free {
            let text = format!(
                "EXPOSE {} does not count: an ordinary user may not listen there on every machine",
                port.value
            );
            notes.push(Note { from: port.from.clone(), text });
        }
        free
    });
    Ok(ports)
}

fn own(words: Vec<String>, key: &str) -> Option<Inferred<CommandLine>> {
    let line = CommandLine::new(words).ok()?;
    Some(Inferred::new(line, Evidence::file(format!("[app] {key}"))))
}

fn patterns(key: &str, list: &[String]) -> Result<Patterns, ProjectError> {
    Patterns::of(list)
        .map_err(|source| ProjectError::Ignore { file: format!("[app] {key}"), source })
}

/// A path as a pattern that only it matches.
fn literal(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars() {
        if "*?[]\\!".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn invalid(what: &'static str) -> ProjectError {
    ProjectError::Settings { what }
}

impl Project {
    /// The TCP ports of its image.
    pub fn tcp_ports(&self) -> Vec<u16> {
        tcp_ports(self)
    }

    /// The folder that is looked through for the image's files.
    pub fn source(&self) -> std::path::PathBuf {
        match &self.settings.app.kind {
            AppKind::Static(site) => self.folder.join(&site.folder),
            AppKind::Python | AppKind::Binary(_) => self.folder.clone(),
        }
    }
}
