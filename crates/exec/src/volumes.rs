//! What stands for volumes, secrets and config maps on one machine.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use lightship_engine::{Failure, Reason};

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

/// The keys of a secret or config map, with their values.
pub type Declared = BTreeMap<String, Vec<u8>>;

/// A secret or a config map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Secret,
    ConfigMap,
}

impl Kind {
    /// For people, and the table of the settings.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Secret => ("secret", "secrets"),
            Self::ConfigMap => ("config map", "config-maps"),
        }
    }
}

impl Volumes {
    /// The keys of a secret or config map; none where it may be missing and is.
    pub(crate) fn declared(
        &self,
        kind: Kind,
        name: &str,
        optional: bool,
    ) -> Result<Option<&Declared>, Failure> {
        let known = match kind {
            Kind::Secret => &self.secrets,
            Kind::ConfigMap => &self.config_maps,
        };
        let (word, table) = kind.names();
        match known.get(name) {
            None if !optional => Err(Failure::new(
                Reason::Start,
                format!(
                    "it takes the {word} `{name}`, and nothing stands for that here: declare \
                     [{table}.{name}] in lightship.toml, with a file or a variable for each key"
                ),
            )),
            known => Ok(known),
        }
    }

    /// The folder of a volume, which is made where it is missing.
    pub(crate) fn volume(&self, name: &str) -> Result<PathBuf, Failure> {
        let fits = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        let failed = |why: String| Failure::new(Reason::Start, format!("volume `{name}`: {why}"));
        if !fits {
            return Err(failed("this is no name of a volume".to_owned()));
        }
        let folder = self.folder.join(name);
        make(&folder)
            .map_err(|error| failed(format!("cannot make {}: {error}", folder.display())))?;
        Ok(folder)
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

/// Makes a folder that every user of a sandbox may write to.
pub(crate) fn make(folder: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
}
