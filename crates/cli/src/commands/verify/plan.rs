//! Which image is checked, and how: what the command line and the project's file say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_build::project::{Project as Built, ProjectError};
use lightship_build::verify::{
    Around, Check, CommandCheck, ExpectedFile, FilesCheck, HttpCheck, ImportItem, ImportsCheck,
    Kind, Statuses, Streams,
};
use lightship_oci::reference::{Reference, StoreReference};

use super::CheckError;
use crate::args::CheckArgs;
use crate::commands::{Error, build};
use crate::images::Images;
use crate::settings::project::{Project, VerifySettings, derived_name};

/// How long a check may take, where nobody says.
const TIME: Duration = Duration::from_mins(1);
/// How long a service of the command line may take until it answers.
const WAIT: Duration = Duration::from_secs(30);

/// What the command line and the project's file say together.
pub(super) struct Plan {
    pub(super) image: Reference,
    /// The image as it was named.
    pub(super) named: String,
    /// The project's folder, where one was named.
    pub(super) folder: Option<PathBuf>,
    pub(super) checks: Vec<Check>,
    pub(super) time: Duration,
    pub(super) memory: Option<ByteSize>,
}

impl Plan {
    /// Reads what there is to read.
    pub(super) fn of(args: &CheckArgs, images: &Images<'_>) -> Result<Self, Error> {
        let subject = images.reference(&args.subject)?;
        let folder = match &subject {
            Reference::Project(folder) => Some(folder.clone()),
            _ => None,
        };
        let written = match (&args.checks, &folder) {
            (Some(file), _) => Project::read(file).map_err(CheckError::from)?.verify,
            (None, Some(folder)) => Project::of_folder(folder).map_err(CheckError::from)?.verify,
            (None, None) => VerifySettings::default(),
        };
        let (image, named) = match (&folder, &args.image, written.image) {
            (None, Some(_), _) => {
                return Err(CheckError::TwoImages { subject: args.subject.clone() }.into());
            }
            (None, None, _) if args.record => {
                return Err(CheckError::NoFolder { subject: args.subject.clone() }.into());
            }
            (None, None, _) => (subject, args.subject.clone()),
            (Some(_), Some(image), _) => (images.reference(image)?, image.clone()),
            // Relative paths in a project's file begin in the project's folder.
            (Some(folder), None, Some(image)) => (images.reference_in(&image, folder)?, image),
            (Some(folder), None, None) => {
                let no_image = || CheckError::NoImage { folder: folder.clone() };
                built(folder, images)?.ok_or_else(no_image)?
            }
        };
        let mut checks = written.checks;
        checks.extend(typed(args));
        let time = args.timeout.map(|time| time.0).or(written.timeout).unwrap_or(TIME);
        Ok(Self { image, named, folder, checks, time, memory: written.memory })
    }
}

/// The image that `lightship build` made of a project, under the name that it gives by itself.
fn built(folder: &Path, images: &Images<'_>) -> Result<Option<(Reference, String)>, Error> {
    let folder = std::path::absolute(folder).map_err(Error::io("find", folder))?;
    let settings = Project::of_folder(&folder).map_err(CheckError::from)?.settings;
    let project = match Built::read(&folder, settings, None) {
        Ok(project) => project,
        // What can be checked need not be what can be built.
        Err(ProjectError::ManyRequirements { .. } | ProjectError::MixedRequirements { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let named = build::names(&project).into_iter().next().and_then(|name| {
        let reference = StoreReference::Name(name.parse().ok()?);
        images.has(&reference).then_some((Reference::Store(reference), name))
    });
    Ok(named)
}

/// The checks of the command line: each command and port one of its own, modules and files together.
fn typed(args: &CheckArgs) -> Vec<Check> {
    let commands = args.commands.iter().map(|run| {
        let expected = Streams::default();
        Kind::Command(CommandCheck { run: run.clone(), exit_code: 0, expected })
    });
    let modules: Vec<ImportItem> = args.imports.iter().map(ImportItem::named).collect();
    let imports = (!modules.is_empty()).then_some(Kind::Imports(ImportsCheck { modules }));
    let probes = args.http.iter().map(|target| {
        Kind::Http(HttpCheck {
            start: None,
            port: target.port,
            path: target.path.clone(),
            status: Statuses::default(),
            body: None,
            wait: WAIT,
        })
    });
    let exist: Vec<ExpectedFile> = args.files.iter().map(ExpectedFile::at).collect();
    let files =
        (!exist.is_empty()).then_some(Kind::Files(FilesCheck { exist, absent: Vec::new() }));
    commands
        .chain(imports)
        .chain(probes)
        .chain(files)
        .map(|kind| Check { name: derived_name(&kind), kind, around: Around::default() })
        .collect()
}
