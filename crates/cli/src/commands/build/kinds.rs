//! What an image is for: Python, one executable, or a folder of web files.

use lightship_build::app::{self, Collected};
use lightship_build::base::Purpose;
use lightship_build::program::{self, Decision, Program, Wish};
use lightship_build::project::{AppKind, Evidence, Note, Project};
use lightship_build::web::{self, Site};
use lightship_codec::tar::RootPath;
use lightship_oci::spec::Platform;
use lightship_packages::lock::{Inputs, Lock};
use lightship_packages::parcel::{Origin, PackageId, Parcel};

use super::ProjectPlan;
use crate::commands::Error;

/// What an image is for, and what its files say.
pub(in crate::commands) enum Content {
    /// Python source, or whatever the base's packages bring.
    Source,
    /// This executable, at this place in the image.
    Program(Box<Program>, RootPath),
    /// A folder of web files.
    Site,
}

impl Content {
    /// Looks at what the settings name. What is decided about an executable is said in the project's notes.
    pub(super) fn of(project: &mut Project, architecture: &str) -> Result<(Self, Purpose), Error> {
        let binary = match &project.settings.app.kind {
            AppKind::Python => return Ok((Self::Source, Purpose::Programs)),
            AppKind::Static(site) => {
                let site = site.clone();
                web::check_folder(&project.source())?;
                if architecture == Platform::host().architecture {
                    project.notes.push(how_to_serve(project, &site.folder));
                }
                return Ok((Self::Site, Purpose::Web));
            }
            AppKind::Binary(binary) => binary.clone(),
        };
        let program = Program::read(&project.folder.join(&binary.path), architecture)?;
        let wish = Wish { certificates: binary.certificates, zones: binary.zones };
        let decisions = program.decide(wish);
        let further = !project.apt.is_empty() || project.shell;
        let purpose = program.purpose(&decisions, further);
        project.notes.extend(decisions.iter().map(|decision| note(&binary.path, decision)));
        let place = program::place(&project.app.destination, &binary.path);
        Ok((Self::Program(Box::new(program), place), purpose))
    }

    /// What a lock follows from besides what every project has.
    pub(super) fn inputs(&self, purpose: Purpose, inputs: &mut Inputs) {
        if purpose != Purpose::Programs {
            inputs.setting("image", &format!("for {purpose}"));
        }
        if let Self::Program(program, _) = self
            && let Some(natives) = program.natives()
        {
            inputs.setting("libraries", &natives);
        }
    }

    /// Native code of the project's own that needs libraries of the distribution.
    pub(in crate::commands) fn natives(&self, name: &str) -> Result<Vec<Parcel>, Error> {
        let Self::Program(program, place) = self else { return Ok(Vec::new()) };
        if program.is_static() {
            return Ok(Vec::new());
        }
        let item =
            program::item(program, place).map_err(Error::io("read", program.path.as_path()))?;
        let (name, version) = (name.to_owned(), String::new());
        let package = PackageId { origin: Origin::Project, name, version };
        Ok(vec![Parcel { package, items: vec![item] }])
    }

    /// Whether what a lock names will do for an executable.
    pub(in crate::commands) fn check(&self, lock: &Lock) -> Result<(), Error> {
        let Self::Program(program, _) = self else { return Ok(()) };
        match lock.debs.iter().find(|deb| deb.name == "libc6") {
            Some(libc) => Ok(program.check_glibc(&libc.version)?),
            None => Ok(()),
        }
    }
}

impl ProjectPlan {
    /// The project's own files, as they will be in the image.
    pub(super) fn collect(&self) -> Result<Collected, Error> {
        let source = self.project.source();
        let collected = app::collect(&source, &self.project.app)?;
        match (&self.content, &self.project.settings.app.kind) {
            (Content::Program(program, place), _) => Ok(program.place(collected, place)?),
            (Content::Site, AppKind::Static(files)) => {
                let site = Site {
                    root: &self.project.app.destination,
                    ports: &self.project.tcp_ports(),
                    fallback: files.fallback.as_deref(),
                };
                Ok(web::with_settings(collected, &site, &source)?)
            }
            (Content::Source | Content::Site, _) => Ok(collected),
        }
    }
}

fn how_to_serve(project: &Project, folder: &str) -> Note {
    let port = project.tcp_ports().first().copied().unwrap_or(web::PORT);
    let text =
        format!("served at http://127.0.0.1:{port} by `lightship image run --tty --network host`");
    Note { from: Evidence::file(folder), text }
}

fn note(path: &str, decision: &Decision) -> Note {
    let Decision { key, what, wanted, because } = decision;
    let (verb, other) = if *wanted { ("in", false) } else { ("not in", true) };
    let text = format!("{what} are {verb} the image {because} (`{key} = {other}` changes that)");
    Note { from: Evidence::file(path), text }
}
