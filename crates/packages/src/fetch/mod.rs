//! Getting what packages are made of: looked for in the store first, then over the network, verified,
//! and kept. One place for digests, resumption, credentials and being offline.

mod error;
#[cfg(test)]
mod tests;

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use lightship_base::{ByteSize, Digest, Progress, Transfer, TransferOutcome, Watched};
use lightship_cas::{BlobWriter, Cas, Lease, RefKind, RefValue};
use lightship_net::{
    Client, Document, RangeAsk, Request, Response, Resumable, Secret, Url, Validator, Want,
};

pub use error::Error;

/// Who may see a document: what to send as `Authorization` to an address, whole (`Basic …`).
pub trait Logins: Send + Sync {
    /// The credential for an address, if the user has one.
    fn for_url(&self, url: &Url) -> Option<Secret>;
}

/// No credentials at all.
#[derive(Debug, Clone, Copy)]
pub struct NoLogins;

impl Logins for NoLogins {
    fn for_url(&self, _: &Url) -> Option<Secret> {
        None
    }
}

/// Gets documents and files. Clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    client: Option<Client>,
    lease: Arc<Lease>,
    logins: Arc<dyn Logins>,
}

/// A file that is wanted, whoever has it.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// What people call it: `numpy-2.3.1-….whl`.
    pub name: &'a str,
    /// The digest that it must have.
    pub digest: Digest,
    /// How many bytes it has, where that is known.
    pub size: Option<u64>,
}

/// No package is larger: the largest wheels have 4 GB.
const MOST_BYTES: u64 = 32 << 30;

const COPY_BUFFER: usize = 128 * 1024;

/// Keeps packages in the store: what an index deletes is still here.
pub const PACKAGES: RefKind = RefKind::new("packages");

impl Fetcher {
    /// Without a `client` everything must be in the store already. What is fetched is held by `lease`.
    pub fn new(client: Option<Client>, lease: Arc<Lease>, logins: Arc<dyn Logins>) -> Self {
        Self { client, lease, logins }
    }

    /// The store.
    pub fn cas(&self) -> Cas {
        self.lease.cas()
    }

    /// What holds fetched files until something names them.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether nothing may be asked of the network.
    pub fn is_offline(&self) -> bool {
        self.client.is_none()
    }

    /// Where a file is in the store, if it is; it stays there.
    pub fn kept(&self, wanted: &Wanted<'_>) -> Result<Option<PathBuf>, Error> {
        let here = self.lease.protect(&wanted.digest).map_err(|error| store(wanted, error))?;
        if here {
            self.keep(wanted)?;
        }
        Ok(here.then(|| self.cas().blob_path(&wanted.digest)))
    }

    /// Makes sure that a file is in the store, from the first of `addresses` that has it, and stays there.
    /// Where it is already, no address is asked for.
    pub fn file<E: From<Error>>(
        &self,
        wanted: &Wanted<'_>,
        addresses: impl FnOnce() -> Result<Vec<Url>, E>,
        progress: &dyn Progress,
    ) -> Result<PathBuf, E> {
        if let Some(path) = self.kept(wanted)? {
            return Ok(path);
        }
        if self.client.is_none() {
            return Err(Error::Offline { what: wanted.name.to_owned() }.into());
        }
        self.download(wanted, &addresses()?, progress)?;
        self.keep(wanted)?;
        Ok(self.cas().blob_path(&wanted.digest))
    }

    fn download(
        &self,
        wanted: &Wanted<'_>,
        addresses: &[Url],
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let mut last = Error::NoAddress { what: wanted.name.to_owned() };
        for address in addresses {
            match self.download_from(wanted, address, progress) {
                Ok(()) => return Ok(()),
                Err(error) if error.is_final() => return Err(error),
                // Whoever gave other bytes says more than who gave none.
                Err(_) if last.is_mismatch() => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// From one address. What an earlier attempt left may be another server's, and wrong: then once more,
    /// from the beginning.
    fn download_from(
        &self,
        wanted: &Wanted<'_>,
        address: &Url,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let partial = || self.lease.partial(&wanted.digest).map_err(|error| store(wanted, error));
        let writer = partial()?;
        let resumed = !writer.is_empty();
        match self.transfer(wanted, address, writer, progress) {
            Err(error) if resumed && error.may_blame_the_prefix() => {
                let mut writer = partial()?;
                writer.restart().map_err(|error| store(wanted, error))?;
                self.transfer(wanted, address, writer, progress)
            }
            result => result,
        }
    }

    fn transfer(
        &self,
        wanted: &Wanted<'_>,
        address: &Url,
        mut writer: BlobWriter,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let client = self.client(wanted.name)?;
        // Nothing that is longer than the file can be its beginning.
        if wanted.size.is_some_and(|size| writer.len() > size) {
            writer.restart().map_err(|error| store(wanted, error))?;
        }
        let want = Want {
            offset: writer.len(),
            expected: wanted.size,
            limit: wanted.size.unwrap_or(MOST_BYTES),
            validator: Validator::Digest,
        };
        let open = |ask: &RangeAsk| Ok(self.answer(client, address, &ask.headers())?.into());
        let network = |source| Error::Network { what: wanted.name.to_owned(), source };
        let mut body = Resumable::open(open, client.pacer().clone(), want).map_err(network)?;
        let watched = Watched::begin(
            progress,
            Transfer {
                what: wanted.name.to_owned(),
                digest: Some(wanted.digest),
                total: body.total().or(wanted.size).map(ByteSize),
            },
        );
        watched.advance(writer.len());
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let exchange = Request::get(address.clone()).exchange();
                    return Err(network(lightship_net::Error::from_read(error, &exchange)));
                }
            };
            writer.append(&buffer[..count]).map_err(|error| store(wanted, error))?;
            watched.advance(count as u64);
        }
        match writer.commit(Some(wanted.digest), wanted.size) {
            Ok(_) => watched.end(TransferOutcome::Done),
            Err(source) => return Err(store(wanted, source)),
        }
        Ok(())
    }

    /// Reads a small document whole. `headers` are more of them, in lower case.
    pub fn document(
        &self,
        address: &Url,
        headers: &[(&'static str, String)],
        limit: u64,
    ) -> Result<Document, Error> {
        let what = Request::get(address.clone()).exchange().to_string();
        let client = self.client(&what)?;
        let document = client.document(|| self.answer(client, address, headers), limit);
        document.map_err(|source| Error::Network { what, source })
    }

    fn answer(
        &self,
        client: &Client,
        address: &Url,
        headers: &[(&'static str, String)],
    ) -> Result<Response, lightship_net::Error> {
        // Names and passwords in addresses are for this header, and for nobody's log.
        let mut bare = address.clone();
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        let mut request = Request::get(bare);
        for (name, value) in headers {
            request = request.header(name, value)?;
        }
        if let Some(login) = self.logins.for_url(address) {
            request = request.authorization(&login)?;
        }
        let response = client.send(&request)?;
        match response.status() {
            200 | 206 | 304 | 416 => Ok(response),
            _ => Err(response.into_error(|_| None)),
        }
    }

    fn client(&self, what: &str) -> Result<&Client, Error> {
        self.client.as_ref().ok_or_else(|| Error::Offline { what: what.to_owned() })
    }

    fn keep(&self, wanted: &Wanted<'_>) -> Result<(), Error> {
        let hex = wanted.digest.to_string();
        let name = hex.strip_prefix("sha256:").unwrap_or(&hex);
        let cas = self.cas();
        let known = self.lease.pin(PACKAGES, name).map_err(|error| store(wanted, error))?;
        if known.is_some() {
            return Ok(());
        }
        let data = serde_json::json!({ "name": wanted.name });
        let value = RefValue { roots: vec![wanted.digest], data };
        cas.set_ref(PACKAGES, name, &value).map_err(|error| store(wanted, error))
    }
}

/// The store failed while a file was on its way into it; a wrong digest is such a failure.
fn store(wanted: &Wanted<'_>, source: lightship_cas::Error) -> Error {
    Error::Store { what: wanted.name.to_owned(), source }
}
