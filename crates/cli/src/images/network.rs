//! The way to registries, built from settings at the first need: certificates take milliseconds to
//! load, and most commands never leave the machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lightship_base::{Clock as _, SystemClock};
use lightship_net::credentials::{Credential, Explicit, Helpers, Keychain};
use lightship_net::{Client, Jitter, Pacer, Proxies, RetryPolicy, Root, Secret, ThreadSleeper};
use lightship_oci::reference::RegistryReference;
use lightship_oci::registry::{Options, Registry, RegistryImage};

use crate::commands::Error;
use crate::settings::{Presence, Settings};

/// Registries spoken to in this process, each with its connections and tokens.
pub(super) struct Network<'a> {
    settings: &'a Settings,
    plain_http: bool,
    keychain: OnceLock<Arc<Keychain>>,
    registries: Mutex<HashMap<String, Arc<Registry>>>,
}

impl<'a> Network<'a> {
    pub(super) fn new(settings: &'a Settings, plain_http: bool) -> Self {
        Self { settings, plain_http, keychain: OnceLock::new(), registries: Mutex::default() }
    }

    /// An image in a registry.
    pub(super) fn image(&self, reference: &RegistryReference) -> Result<RegistryImage, Error> {
        let name = reference.registry.as_str();
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = registries.get(name) {
            return Ok(RegistryImage::new(Arc::clone(known), reference.clone()));
        }
        self.check_credential_files()?;
        let plain = self.plain_http.then(|| name.to_owned());
        let client = client(self.settings, plain)?;
        let keychain = Arc::clone(self.keychain.get_or_init(|| Arc::new(self.keychain())));
        let registry = Arc::new(Registry::new(client, keychain, name, Options::default())?);
        registries.insert(name.to_owned(), Arc::clone(&registry));
        Ok(RegistryImage::new(registry, reference.clone()))
    }

    /// A file that the user named must be there: without it the registry's "who are you?" would be
    /// the only sign of a typing error.
    fn check_credential_files(&self) -> Result<(), Error> {
        let files = self.settings.credential_files.iter();
        let mut required = files.filter(|file| file.presence == Presence::Required);
        required.try_for_each(|file| {
            std::fs::metadata(&file.path).map(drop).map_err(Error::io("open", &file.path))
        })
    }

    fn keychain(&self) -> Keychain {
        let explicit = self.settings.login.iter().map(|login| Explicit {
            registry: Some(login.registry.clone()),
            credential: Credential::Basic {
                username: login.username.clone(),
                password: Secret::new(login.password.reveal()),
            },
        });
        let files: Vec<PathBuf> =
            self.settings.credential_files.iter().map(|file| file.path.clone()).collect();
        let helpers = Helpers { search: self.settings.search_path.clone(), ..Helpers::default() };
        Keychain { explicit: explicit.collect(), files, helpers }
    }
}

/// A client as the settings want it, which may speak to the hosts of `plain` without TLS.
pub fn client(
    settings: &Settings,
    plain: impl IntoIterator<Item = String>,
) -> Result<Client, Error> {
    let certificates = settings.certificates.load();
    let roots = certificates.der.into_iter().map(Root).collect();
    let agent = concat!("lightship/", env!("CARGO_PKG_VERSION"));
    let mut wanted = lightship_net::Settings::new(agent, roots);
    let secret = |proxy: &Option<crate::settings::Secret>| {
        proxy.as_ref().map(|secret| Secret::new(secret.reveal()))
    };
    wanted.proxies = Proxies {
        http: secret(&settings.proxies.http),
        https: secret(&settings.proxies.https),
        bypass: settings.proxies.none_for.clone().unwrap_or_default(),
    };
    wanted.plain_http.extend(plain);
    let pacer = Pacer::new(RetryPolicy::default(), Arc::new(ThreadSleeper), Jitter::seeded(seed()));
    Client::new(wanted, pacer).map_err(|error| Error::Oci(error.into()))
}

/// Anything that differs between processes will do: it only spreads retries.
fn seed() -> u64 {
    let nanos = SystemClock.now().subsec_nanosecond().unsigned_abs();
    u64::from(nanos) << 32 | u64::from(std::process::id())
}
