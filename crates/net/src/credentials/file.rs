//! Docker's `config.json` and Podman's `auth.json`: one shape, two habits of writing keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Credential;
use crate::{Error, Secret, docker_hub};

/// The largest credential file that is read. Real ones have a few kilobytes.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// A parsed file. Deliberately without `Debug`.
pub(super) struct CredentialFile {
    path: PathBuf,
    content: Content,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

/// Docker leaves an empty object where the secret is in a helper's hands.
#[derive(Deserialize, Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl CredentialFile {
    /// Reads a file; `None` where there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let io_error = |source| Error::CredentialIo { path: path.to_owned(), source };
        let malformed = |reason| Error::CredentialFile { path: path.to_owned(), reason };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(io_error(error)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(io_error)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(malformed("it is larger than any such file".to_owned()));
        }
        // An empty file is what a first `docker logout` or a fresh mount leaves.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        // The parser's own message may quote the value that it did not like.
        let content = serde_json::from_slice(&bytes).map_err(|error| {
            malformed(format!("line {}, column {}", error.line(), error.column()))
        })?;
        Ok(Some(Self { path: path.to_owned(), content }))
    }

    /// The helper that was configured for this registry.
    pub(super) fn helper_for(&self, registry: &str) -> Option<&str> {
        let helpers = self.content.helpers.iter().flatten();
        let mut ours = helpers.filter(|(key, _)| Key::parse(key).registry == registry);
        ours.next().map(|(_, name)| name.as_str()).filter(|name| !name.is_empty())
    }

    /// The helper that was configured for all registries.
    pub(super) fn store(&self) -> Option<&str> {
        self.content.store.as_deref().filter(|name| !name.is_empty())
    }

    /// The entry with the longest key that covers the repository.
    pub(super) fn entry_for(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, Error> {
        let entries = self.content.auths.iter().flatten();
        let mut covering: Vec<_> = entries
            .filter_map(|(text, entry)| Some((Key::parse(text), text, entry.as_ref()?)))
            .filter(|(key, ..)| key.covers(registry, repository))
            .collect();
        covering.sort_by_key(|(key, ..)| std::cmp::Reverse(key.path.len()));
        for (_, text, entry) in covering {
            if let Some(credential) = self.credential(text, entry)? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn credential(&self, key: &str, entry: &Entry) -> Result<Option<Credential>, Error> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&entry.registrytoken) {
            return Ok(Some(Credential::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = given(&entry.identitytoken) {
            return Ok(Some(Credential::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = given(&entry.auth) {
            return decode(&auth).map(Some).ok_or_else(|| Error::CredentialFile {
                path: self.path.clone(),
                reason: format!("the `auth` of `{key}` is not the base64 of `user:password`"),
            });
        }
        Ok(given(&entry.username).map(|username| Credential::Basic {
            username,
            password: Secret::new(given(&entry.password).unwrap_or_default()),
        }))
    }
}

/// A file under a path that is no folder does not exist either.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn decode(auth: &str) -> Option<Credential> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Docker pads with NUL bytes and trims them again.
    let password = Secret::new(password.trim_end_matches('\0'));
    Some(Credential::Basic { username: username.to_owned(), password })
}

/// What a key of `auths` stands for. Docker writes a host, or a URL of its first API
/// (`https://host/v1/`); Podman writes a host, perhaps followed by a repository's path or its
/// beginning.
struct Key<'a> {
    registry: &'a str,
    path: &'a str,
}

impl<'a> Key<'a> {
    fn parse(text: &'a str) -> Self {
        let bare = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let (host, path) =
            bare.unwrap_or(text).split_once('/').unwrap_or((bare.unwrap_or(text), ""));
        let path = path.trim_matches('/');
        let is_api = bare.is_some() || matches!(path, "v1" | "v2");
        Self { registry: docker_hub::canonical(host), path: if is_api { "" } else { path } }
    }

    fn covers(&self, registry: &str, repository: &str) -> bool {
        let below = repository.strip_prefix(self.path);
        self.registry == registry
            && (self.path.is_empty()
                || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}
