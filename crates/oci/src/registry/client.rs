//! One registry: its addresses, and requests that are authorised on the way.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex};

use lightship_base::{Digest, Hint};
use lightship_net::credentials::Keychain;
use lightship_net::{Client, Request, Response, StreamError, Url, docker_hub, same_origin};

use super::auth::{Access, Auth, login_hints};
use super::explain;
use crate::Error;

/// How to speak to a registry.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether to use TLS.
    pub transport: Transport,
    /// The bytes of one part when a blob goes in parts, which it does only after its connection broke.
    /// What was sent of a part that breaks is sent again.
    pub chunk: u64,
}

/// Whether to use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP on loopback and where the client's settings allow it, else HTTPS.
    Auto,
    /// HTTPS, also on loopback.
    Https,
}

impl Default for Options {
    fn default() -> Self {
        Self { transport: Transport::Auto, chunk: 16 * 1024 * 1024 }
    }
}

/// One registry and what we know of it: its challenge, our tokens. Used from many threads at once.
pub struct Registry {
    name: String,
    /// `https://host[:port]/v2/`.
    base: Url,
    pub(super) net: Client,
    pub(super) keychain: Arc<Keychain>,
    pub(super) auth: Auth,
    pub(super) options: Options,
    /// Held while the index of referrers is read, changed and written back.
    pub(super) referrers: Mutex<()>,
}

impl Registry {
    /// Prepares to speak to `name` (`host` or `host:port`, as in a reference); opens nothing yet.
    pub fn new(
        net: Client,
        keychain: Arc<Keychain>,
        name: &str,
        options: Options,
    ) -> Result<Self, Error> {
        let name = docker_hub::canonical(name);
        let authority = docker_hub::api_authority(name);
        let scheme = match options.transport {
            Transport::Auto => net.scheme_for(authority),
            Transport::Https => "https",
        };
        // The host must be all that the text says: no user, no path, no query.
        let base = format!("{scheme}://{authority}/v2/").parse::<Url>().ok().filter(|base| {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            base.path() == "/v2/" && authority.chars().all(plain)
        });
        let base =
            base.ok_or_else(|| Error::invalid(name, "it is no registry: `host` or `host:port`"))?;
        Ok(Self {
            name: name.to_owned(),
            base,
            net,
            keychain,
            auth: Auth::default(),
            options,
            referrers: Mutex::new(()),
        })
    }

    /// How references call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// `/v2/<repository>/<tail>`. Whatever a name may not hold is percent-encoded.
    pub(super) fn endpoint(&self, repository: &str, tail: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{repository}/{tail}"));
        url
    }

    pub(super) fn blob_url(&self, repository: &str, digest: &Digest) -> Url {
        self.endpoint(repository, &format!("blobs/{digest}"))
    }

    /// Sends a request with whatever authorisation `access` needs; gets it first where the registry asks
    /// for one. A status that is still 401 afterwards is the answer.
    pub(super) fn send(
        &self,
        request: &Request,
        access: &Access,
    ) -> Result<Response, lightship_net::Error> {
        let held = self.auth.ready(self, access)?;
        let response = self.net.send(&self.authorised(request, held.as_ref())?)?;
        let ours = same_origin(response.head.url(), &self.base);
        if response.status() != 401 || !ours {
            return Ok(response);
        }
        match self.auth.renew(self, access, held.as_ref(), &response.head)? {
            Some(fresh) => self.net.send(&self.authorised(request, Some(&fresh))?),
            None => Ok(response),
        }
    }

    /// Sends a body that exists only once. Asks for no authorisation by itself: a request for the same
    /// access came before, and the next one renews what expired meanwhile.
    pub(super) fn send_stream(
        &self,
        request: &Request,
        access: &Access,
        body: &mut dyn Read,
        length: u64,
    ) -> Result<Response, StreamError> {
        let held = self.auth.ready(self, access)?;
        self.net.send_stream(&self.authorised(request, held.as_ref())?, body, length)
    }

    /// Credentials go to the registry itself and to nobody whose address it hands out.
    fn authorised(
        &self,
        request: &Request,
        value: Option<&lightship_net::Secret>,
    ) -> Result<Request, lightship_net::Error> {
        match value {
            Some(value) if same_origin(request.url(), &self.base) => {
                request.clone().authorization(value)
            }
            _ => Ok(request.clone()),
        }
    }

    /// A status that ends the matter, with the registry's own words.
    pub(super) fn refusal(&self, response: Response) -> lightship_net::Error {
        let status = response.status();
        let mut error = response.into_error(explain::reason);
        if let lightship_net::Error::Status { hints, detail, .. } = &mut error {
            if matches!(status, 401 | 403) {
                *hints = login_hints(&self.name, &self.auth.passed_over());
            } else if detail.is_none() && status == 400 && self.base.scheme() == "http" {
                // What a TLS server says to plain HTTP is no registry's error document.
                hints.push(Hint::new(format!("check whether {} speaks HTTPS only", self.name)));
            }
        }
        error
    }

    /// What was looked for is not there.
    pub(super) fn not_found(&self, what: String) -> Error {
        Error::NotFound { what, place: self.name.clone(), hint: None }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightship_net::{Jitter, Pacer, RetryPolicy, Settings, ThreadSleeper};

    fn registry(name: &str) -> Result<Registry, Error> {
        let pacer = Pacer::new(RetryPolicy::default(), Arc::new(ThreadSleeper), Jitter::seeded(1));
        let mut settings = Settings::new("test", Vec::new());
        settings.plain_http.insert("lan.example:5000".into());
        let net = Client::new(settings, pacer).unwrap();
        Registry::new(net, Arc::default(), name, Options::default())
    }

    #[test]
    fn addresses_follow_the_name() {
        let digest = Digest::of(b"");
        let cases = [
            ("registry.example", "https://registry.example/v2/a/b/blobs/"),
            ("localhost:5000", "http://localhost:5000/v2/a/b/blobs/"),
            ("[::1]:5000", "http://[::1]:5000/v2/a/b/blobs/"),
            ("lan.example:5000", "http://lan.example:5000/v2/a/b/blobs/"),
            ("lan.example", "https://lan.example/v2/a/b/blobs/"),
            ("docker.io", "https://registry-1.docker.io/v2/a/b/blobs/"),
        ];
        for (name, expected) in cases {
            let url = registry(name).unwrap().blob_url("a/b", &digest);
            assert_eq!(url.as_str(), format!("{expected}{digest}"));
        }
        assert_eq!(registry("index.docker.io").unwrap().name(), "docker.io");
    }

    #[test]
    fn a_name_that_hides_something_is_refused() {
        for name in ["", "a/b", "user@host", "host?x", "host#x", "host:port", "ho st", "h\u{f6}st"]
        {
            assert!(matches!(registry(name), Err(Error::Invalid { .. })), "{name}");
        }
    }
}
