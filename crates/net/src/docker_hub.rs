//! Docker's published conventions for its own registry: the one place that knows them.
//!
//! Docker Hub goes by several names. People write `docker.io` (or nothing), the API answers at
//! another host, and credential files use a third spelling from the days of the first API.

/// The name of Docker Hub in image references.
pub const NAME: &str = "docker.io";

/// The host that speaks the registry API for [`NAME`].
const API_HOST: &str = "registry-1.docker.io";

/// The key under which `docker login` files the credentials of [`NAME`].
const CREDENTIAL_KEY: &str = "https://index.docker.io/v1/";

/// Every spelling of the host that means Docker Hub.
const ALIASES: [&str; 3] = [NAME, "index.docker.io", API_HOST];

/// One name per registry: all spellings of Docker Hub become [`NAME`], others stay.
pub fn canonical(registry: &str) -> &str {
    if ALIASES.contains(&registry) { NAME } else { registry }
}

/// Where the registry API of `registry` answers.
pub fn api_authority(registry: &str) -> &str {
    if canonical(registry) == NAME { API_HOST } else { registry }
}

/// How a credential helper is asked for `registry`.
pub fn credential_key(registry: &str) -> &str {
    if canonical(registry) == NAME { CREDENTIAL_KEY } else { registry }
}
