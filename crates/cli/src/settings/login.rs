//! Who the user is to registries, and the way there. Secrets never show in debug output.

use std::fmt;
use std::path::PathBuf;

use super::{Environment, SettingsError, Variable};

/// A text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A user name and its password, for one registry: a copy from one registry to another must not show
/// the one's password to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The one registry that it is for, `host` or `host:port`.
    pub registry: String,
    /// The name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

impl Login {
    /// All three parts or none.
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, SettingsError> {
        const PARTS: [Variable; 3] =
            [Variable::Registry, Variable::RegistryUsername, Variable::RegistryPassword];
        let [registry, username, password] = PARTS.map(|part| environment.text(part));
        let values = [registry?, username?, password?];
        if let [Some(registry), Some(username), Some(password)] = values {
            return Ok(Some(Self {
                registry: registry.to_owned(),
                username: username.to_owned(),
                password: Secret(password.to_owned()),
            }));
        }
        let present = PARTS.iter().zip(&values).find(|(_, value)| value.is_some());
        let missing = PARTS.iter().zip(&values).find(|(_, value)| value.is_none());
        match (present, missing) {
            (Some((present, _)), Some((missing, _))) => {
                Err(SettingsError::PartOfALogin { present: *present, missing: *missing })
            }
            _ => Ok(None),
        }
    }
}

/// A file of credentials, in the form that Docker and Podman share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it may be missing.
    pub presence: Presence,
}

/// Whether a file may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The user named this very file.
    Required,
    /// It is where such a file usually is.
    Optional,
}

/// A file that the user names is the only one read, as with Podman and Docker: otherwise a test or a
/// CI job that names an empty file would still log in as the person at the machine. Otherwise
/// Podman's places come before Docker's, as *containers-auth.json(5)* has it.
pub(super) fn credential_files(environment: &Environment) -> Vec<CredentialFile> {
    let file = |path, presence| CredentialFile { path, presence };
    if let Some(path) = environment.path(Variable::RegistryAuthFile) {
        return vec![file(path, Presence::Required)];
    }
    if let Some(folder) = environment.path(Variable::DockerConfig) {
        // Docker makes the file at the first login, so it may well not be there.
        return vec![file(folder.join("config.json"), Presence::Optional)];
    }
    let home = environment.path(Variable::Home);
    let in_home = |rest| home.as_ref().map(|home| home.join(rest));
    let config = environment.xdg_folder(Variable::XdgConfigHome).or_else(|| in_home(".config"));
    let places = [
        environment.xdg_folder(Variable::XdgRuntimeDir).map(|dir| dir.join("containers/auth.json")),
        config.map(|dir| dir.join("containers/auth.json")),
        in_home(".docker/config.json"),
    ];
    places.into_iter().flatten().map(|path| file(path, Presence::Optional)).collect()
}

/// Proxies, as the user wrote them. An address may hold a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http:` addresses.
    pub http: Option<Secret>,
    /// For `https:` addresses.
    pub https: Option<Secret>,
    /// Hosts that need none, separated by commas.
    pub none_for: Option<String>,
}

impl Proxies {
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let address = |variable| {
            environment.text(variable).map(|text| text.map(|text| Secret(text.to_owned())))
        };
        Ok(Self {
            http: address(Variable::HttpProxy)?,
            https: address(Variable::HttpsProxy)?,
            none_for: environment.text(Variable::NoProxy)?.map(str::to_owned),
        })
    }
}
