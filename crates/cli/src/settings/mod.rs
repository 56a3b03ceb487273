//! The environment becomes settings, here and nowhere else. Libraries take what they need from the
//! result; a test hands in a map instead of the process's environment.

mod apt;
mod certificates;
mod environment;
mod login;
pub mod project;
pub mod python;
mod terminal;
mod variable;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Clock, Diagnose, FixedClock, Hint, SystemClock, Timestamp};

use crate::render::text::printable;

pub use apt::AptFiles;
pub use certificates::{CertificateSource, Certificates};
pub use environment::Environment;
pub use login::{CredentialFile, Login, Presence, Proxies, Secret};
pub use terminal::TerminalSettings;
pub use variable::Variable;

/// Everything that the environment decides about a command's work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the local store, absolute. It may not exist yet.
    pub home: PathBuf,
    /// Folder for temporary files, absolute. In `home` unless the user named one: on the store's own
    /// filesystem a finished file moves into place by a rename, and it has room where the store has.
    pub temporary: PathBuf,
    /// A login for one registry that goes before every file.
    pub login: Option<Login>,
    /// Files of credentials; the first that knows a registry wins.
    pub credential_files: Vec<CredentialFile>,
    /// Folders of programs, best first; credential helpers are looked for here.
    pub search_path: Vec<PathBuf>,
    /// Proxies, for whoever speaks HTTP.
    pub proxies: Proxies,
    /// Where trusted certificate authorities are.
    pub certificates: CertificateSource,
    /// How many threads work at once; `None` leaves it to the machine.
    pub jobs: Option<NonZeroUsize>,
    /// The moment that new documents carry, where the user fixed one.
    pub epoch: Option<Timestamp>,
}

impl Settings {
    /// Reads them. `home` is what `--home` says.
    pub fn read(environment: &Environment, home: Option<&Path>) -> Result<Self, SettingsError> {
        let home = match home {
            Some(folder) => environment.absolute(folder),
            None => default_home(environment)?,
        };
        let temporary = match environment.path(Variable::Tmpdir) {
            Some(folder) => folder,
            None => home.join("tmp"),
        };
        Ok(Self {
            home,
            temporary,
            login: Login::read(environment)?,
            credential_files: login::credential_files(environment),
            search_path: environment.folders(Variable::Path),
            proxies: Proxies::read(environment)?,
            certificates: CertificateSource::read(environment),
            jobs: environment.parse(Variable::LightshipJobs, "a number from 1 up")?,
            epoch: epoch(environment)?,
        })
    }

    /// Who says what time it is: `SOURCE_DATE_EPOCH` if it is set, else the machine.
    pub fn clock(&self) -> Box<dyn Clock> {
        match self.epoch {
            Some(moment) => Box::new(FixedClock(moment)),
            None => Box::new(SystemClock),
        }
    }
}

/// What is in force, in words, for `--verbose`. No secrets.
pub fn notes(settings: &Settings) -> String {
    let mut lines = vec![
        format!("local store in {}", settings.home.display()),
        format!("temporary files in {}", settings.temporary.display()),
    ];
    if let Some(login) = &settings.login {
        lines.push(format!(
            "login for {} as {}, from the environment",
            login.registry, login.username
        ));
    }
    for file in &settings.credential_files {
        let doubt = match file.presence {
            Presence::Required => "",
            Presence::Optional => ", if it is there",
        };
        lines.push(format!("credentials from {}{doubt}", file.path.display()));
    }
    let proxies = [("http", &settings.proxies.http), ("https", &settings.proxies.https)];
    for (scheme, _) in proxies.iter().filter(|(_, proxy)| proxy.is_some()) {
        lines.push(format!("{scheme} addresses through a proxy"));
    }
    if let Some(jobs) = settings.jobs {
        lines.push(format!("{jobs} threads at once"));
    }
    if let Some(moment) = settings.epoch {
        lines.push(format!("new documents carry the time {moment}"));
    }
    lines.iter().fold(String::new(), |notes, line| notes + "note: " + &printable(line) + "\n")
}

fn default_home(environment: &Environment) -> Result<PathBuf, SettingsError> {
    if let Some(folder) = environment.path(Variable::LightshipHome) {
        return Ok(folder);
    }
    environment
        .xdg_folder(Variable::XdgDataHome)
        .or_else(|| Some(environment.path(Variable::Home)?.join(".local/share")))
        .map(|data| data.join("lightship"))
        .ok_or(SettingsError::NoHome)
}

/// *Reproducible Builds, `SOURCE_DATE_EPOCH` specification*: a decimal number of seconds.
fn epoch(environment: &Environment) -> Result<Option<Timestamp>, SettingsError> {
    const EXPECTED: &str = "seconds since 1970 as a whole number";
    let Some(seconds) = environment.parse::<i64>(Variable::SourceDateEpoch, EXPECTED)? else {
        return Ok(None);
    };
    let moment = (seconds >= 0).then(|| Timestamp::from_second(seconds).ok()).flatten();
    match moment {
        Some(moment) => Ok(Some(moment)),
        None => Err(SettingsError::Invalid {
            variable: Variable::SourceDateEpoch,
            value: seconds.to_string(),
            expected: EXPECTED,
        }),
    }
}

/// Why the environment makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no place for the local store.
    #[error("cannot tell where the local store is: neither LIGHTSHIP_HOME nor HOME is set")]
    NoHome,
    /// A variable's value is not of its form. Secrets are never reported this way.
    #[error("{} is `{value}`: expected {expected}", variable.name())]
    Invalid {
        /// Which variable.
        variable: Variable,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A variable's value is not UTF-8; it may be a secret, so it is not shown.
    #[error("{} is not valid UTF-8", variable.name())]
    NotUtf8 {
        /// Which variable.
        variable: Variable,
    },
    /// A file of the machine's configuration cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of settings is not what its name says.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A part of a login is missing.
    #[error("{} is set but {} is not", present.name(), missing.name())]
    PartOfALogin {
        /// A part that is there.
        present: Variable,
        /// A part that is not.
        missing: Variable,
    },
}

impl Diagnose for SettingsError {
    fn category(&self) -> Category {
        match self {
            Self::NoHome
            | Self::Invalid { .. }
            | Self::NotUtf8 { .. }
            | Self::PartOfALogin { .. } => Category::Usage,
            Self::Malformed { .. } => Category::BadInput,
            Self::Unreadable { source, .. } => Category::of_io(source),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoHome => vec![Hint::new("name a folder with `--home`")],
            Self::PartOfALogin { present, missing } => {
                vec![Hint::new(format!("set {} too, or unset {}", missing.name(), present.name()))]
            }
            Self::Invalid { .. }
            | Self::NotUtf8 { .. }
            | Self::Malformed { .. }
            | Self::Unreadable { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
