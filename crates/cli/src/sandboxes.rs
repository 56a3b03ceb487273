//! From an image to commands that run in it: the one place that knows where snapshots and sandboxes are
//! and how the helper is started.

use std::path::{Path, PathBuf};

use lightship_base::Progress;
use lightship_oci::Image;
use lightship_sandbox::snapshot::{self, Ownership, Prepared};
use lightship_sandbox::{Engine, Helper, Identity, Launcher, SubordinateIds, Trial, helper};

use crate::commands::Error;
use crate::images::Images;
use crate::settings::Settings;

/// The folder of running sandboxes, in the folder of the local store.
pub const SANDBOXES: &str = "sandboxes";

/// Runs commands in images.
pub struct Sandboxes {
    launcher: Launcher,
    identity: Identity,
}

impl Sandboxes {
    /// Clears up after sandboxes that were killed, and starts nothing yet.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let identity = Identity::detect(Path::new("/"));
        let launcher = Launcher::new(own_helper(), &settings.home.join(SANDBOXES), identity)?;
        Ok(Self { launcher, identity })
    }

    /// The same with an OCI runtime to make the walls: a path, or a name to be looked for along `PATH`.
    pub fn with_runtime(self, runtime: &Path, settings: &Settings) -> Result<Self, Error> {
        let folders = settings.search_path.iter().map(PathBuf::as_path);
        // Debian keeps runtimes where an ordinary user's PATH does not look.
        let mut folders = folders.chain([Path::new("/usr/sbin"), Path::new("/sbin")]);
        let program = if runtime.components().count() > 1 {
            runtime
                .exists()
                .then(|| std::path::absolute(runtime).unwrap_or_else(|_| runtime.to_owned()))
        } else {
            folders.find_map(|folder| Some(folder.join(runtime)).filter(|path| path.is_file()))
        };
        let program =
            program.ok_or_else(|| Error::NoSuchRuntime { runtime: runtime.to_owned() })?;
        let launcher = self.launcher.with_engine(Engine::Runtime(program));
        Ok(Self { launcher, ..self })
    }

    /// Unpacks what is not unpacked yet.
    pub fn prepare(
        &self,
        images: &Images<'_>,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<Prepared, Error> {
        let lease = images.store()?.images.cas().lease()?;
        let prepared = snapshot::prepare(image, &lease, self.ownership(), progress);
        Ok(prepared.map_err(lightship_sandbox::Error::from)?)
    }

    /// The same as one folder.
    pub fn prepare_flat(
        &self,
        images: &Images<'_>,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<Prepared, Error> {
        let lease = images.store()?.images.cas().lease()?;
        let prepared = snapshot::prepare_flat(image, &lease, self.ownership(), progress);
        Ok(prepared.map_err(lightship_sandbox::Error::from)?)
    }

    fn ownership(&self) -> Ownership {
        match self.identity {
            Identity::Root | Identity::RootWithoutNamespace if owns_every_id() => Ownership::Real,
            Identity::Root | Identity::RootWithoutNamespace => Ownership::Mapped,
            Identity::Single => Ownership::Flattened,
        }
    }

    /// Starts commands.
    pub fn launcher(&self) -> &Launcher {
        &self.launcher
    }
}

/// Tries what this machine lets sandboxes do.
pub fn probe(settings: &Settings) -> Result<Vec<Trial>, Error> {
    let folder = settings.home.join(SANDBOXES);
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    Ok(lightship_sandbox::probe(&own_helper(), &folder)?)
}

fn own_helper() -> Helper {
    Helper { program: own_program(), arguments: vec![helper::ARGUMENT.into()] }
}

/// Where this program is, also after a newer one was installed in its place.
pub fn own_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

/// Whether ids here are those of the machine: not so inside a namespace of subordinate ids.
fn owns_every_id() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("0") && words.next() == Some("0")
    })
}

/// Where an ordinary user has subordinate ids, becomes root among them: images keep their owners then.
/// To be called while this process has one thread. Where it fails, all files belong to the caller;
/// `lightship doctor` says so.
pub fn enter_subordinate_ids() -> Result<(), Error> {
    match SubordinateIds::detect(Path::new("/")) {
        Some(ids) => ids.enter().map_err(|failure| lightship_sandbox::Error::Start(failure).into()),
        None => Ok(()),
    }
}
