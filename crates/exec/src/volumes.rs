//! What stands for volumes, secrets and config maps on one machine.

mod check;
mod declared;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lightship_engine::{Failure, Reason};

use crate::beneath::Folder;
pub use check::Undeclared;
pub use declared::{Declared, Value};

/// The stand-ins of one machine: a volume is a folder; secrets and config maps are what the user declares.
#[derive(Debug, Clone, Default)]
pub struct Volumes {
    /// The folder of volumes.
    pub folder: PathBuf,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Declared>,
    /// Config maps by name.
    pub config_maps: BTreeMap<String, Declared>,
}

/// A secret or a config map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Secret,
    ConfigMap,
}

impl Kind {
    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ConfigMap => "config map",
        }
    }

    /// The table of the settings.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "config-maps",
        }
    }

    pub(crate) fn without_key(self, name: &str, key: &str) -> Failure {
        let (word, table) = (self.word(), self.table());
        let message = format!(
            "it takes `{key}` of the {word} `{name}`, and [{table}.{name}] in lightship.toml has no such key"
        );
        Failure::new(Reason::Start, message)
    }
}

impl Volumes {
    fn find(&self, kind: Kind, name: &str) -> Option<&Declared> {
        match kind {
            Kind::Secret => self.secrets.get(name),
            Kind::ConfigMap => self.config_maps.get(name),
        }
    }

    /// The keys of a secret or config map; none where it may be missing and is.
    pub(crate) fn declared(
        &self,
        kind: Kind,
        name: &str,
        optional: bool,
    ) -> Result<Option<&Declared>, Failure> {
        match self.find(kind, name) {
            None if !optional => Err(Failure::new(
                Reason::Start,
                format!(
                    "it takes the {} `{name}`, and nothing stands for that here: declare [{}.{name}] in \
                     lightship.toml, with a file or a variable for each key",
                    kind.word(),
                    kind.table(),
                ),
            )),
            known => Ok(known),
        }
    }

    /// The folder of a volume, which is made where it is missing.
    pub(crate) fn volume(&self, name: &str) -> Result<PathBuf, Failure> {
        let fits = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if !fits {
            return Err(failed(name, "this is no name of a volume"));
        }
        let folder = self.folder.join(name);
        let made = make(&folder);
        made.map_err(|error| failed(name, &format!("cannot make {}: {error}", folder.display())))?;
        Ok(folder)
    }

    /// A folder of a volume, which is made where it is missing. What is in a volume was written by tasks, so no link
    /// there is followed: it could lead to a folder of this machine, which would be theirs then.
    pub(crate) fn part(&self, name: &str, sub_path: &str) -> Result<PathBuf, Failure> {
        let volume = self.volume(name)?;
        let inner = Path::new(sub_path.trim_start_matches('/'));
        let part = Folder::open(&volume).and_then(|folder| folder.make(inner));
        part.map_err(|error| {
            failed(name, &format!("cannot use its folder `{sub_path}`: {error}"))
        })?;
        Ok(volume.join(inner))
    }

    /// Removes a volume with all that is in it. One that is not there is no error, as in a cluster.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let folder = self.volume(name)?;
        fs::remove_dir_all(&folder).map_err(|error| {
            let place = folder.display();
            Failure::new(Reason::Executor, format!("cannot remove the volume {place}: {error}"))
        })
    }
}

fn failed(name: &str, why: &str) -> Failure {
    Failure::new(Reason::Start, format!("volume `{name}`: {why}"))
}

/// Makes a folder that every user of a sandbox may write to.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
}
