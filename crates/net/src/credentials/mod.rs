//! Who we are to a registry: from the caller, from Docker's and Podman's files, from credential
//! helpers.

mod file;
mod helper;

use std::path::PathBuf;
use std::time::Duration;

use crate::{Error, Secret, docker_hub};

/// What a registry may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user name and a password (or a token in its place).
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, exchanged for access tokens at the registry's token server.
    IdentityToken(Secret),
    /// An access token that the registry takes as it is.
    RegistryToken(Secret),
}

/// Where to look for credentials. Asked per registry and repository, never all at once.
#[derive(Debug, Clone, Default)]
pub struct Keychain {
    /// Given by the user for this very command; these come first.
    pub explicit: Vec<Explicit>,
    /// Files of Docker (`config.json`) and Podman (`auth.json`), best first. Ones that do not exist
    /// are passed over.
    pub files: Vec<PathBuf>,
    /// How credential helpers are run.
    pub helpers: Helpers,
}

/// A credential from the command line or the environment.
#[derive(Debug, Clone)]
pub struct Explicit {
    /// The only registry to show it to; `None` for every registry that the command speaks to.
    pub registry: Option<String>,
    /// The credential.
    pub credential: Credential,
}

/// How credential helpers (`docker-credential-NAME`) are run.
#[derive(Debug, Clone)]
pub struct Helpers {
    /// The folders to look for them in, best first: the caller's `PATH`.
    pub search: Vec<PathBuf>,
    /// How long one may take. It may have to ask the user to unlock something.
    pub time_limit: Duration,
}

impl Default for Helpers {
    fn default() -> Self {
        Self { search: Vec::new(), time_limit: Duration::from_mins(1) }
    }
}

/// What a search for a credential came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The credential, if there is one.
    pub credential: Option<Credential>,
    /// Places that could not be asked, in words for a hint: worth knowing if the registry then refuses.
    pub passed_over: Vec<String>,
}

impl Keychain {
    /// The credential for a repository. A file that exists and is malformed is an error; so is a
    /// helper that was configured for this very registry and fails. A store for all registries that
    /// fails is passed over: most images are public, and a leftover setting should not stop them.
    pub fn lookup(&self, registry: &str, repository: &str) -> Result<Lookup, Error> {
        let registry = docker_hub::canonical(registry);
        let for_us = |only: &Option<String>| {
            only.as_deref().is_none_or(|only| docker_hub::canonical(only) == registry)
        };
        if let Some(explicit) = self.explicit.iter().find(|explicit| for_us(&explicit.registry)) {
            let credential = Some(explicit.credential.clone());
            return Ok(Lookup { credential, passed_over: Vec::new() });
        }
        let mut lookup = Lookup::default();
        for path in &self.files {
            let Some(file) = file::CredentialFile::read(path)? else { continue };
            lookup.credential =
                self.search(&file, registry, repository, &mut lookup.passed_over)?;
            if lookup.credential.is_some() {
                break;
            }
        }
        Ok(lookup)
    }

    /// Docker's order within one file: the registry's own helper, the store for all, the entries.
    fn search(
        &self,
        file: &file::CredentialFile,
        registry: &str,
        repository: &str,
        passed_over: &mut Vec<String>,
    ) -> Result<Option<Credential>, Error> {
        let key = docker_hub::credential_key(registry);
        if let Some(name) = file.helper_for(registry)
            && let Some(found) = helper::get(name, key, &self.helpers)?
        {
            return Ok(Some(found));
        }
        if let Some(name) = file.store() {
            match helper::get(name, key, &self.helpers) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => passed_over.push(error.to_string()),
            }
        }
        file.entry_for(registry, repository)
    }
}

#[cfg(test)]
mod tests;
