//! Where files were seen last. Kept in the local store only: an address is somebody's configuration and
//! has no place in a lock.

use std::collections::BTreeMap;

use lightship_base::Digest;
use lightship_cas::{Cas, RefKind, RefValue};
use lightship_net::Url;
use serde_json::Value;

use super::{Error, without_user};

/// Where addresses are kept: a name for each label, under which digests lead to addresses.
pub const ADDRESSES: RefKind = RefKind::new("index-addresses");

/// So many addresses are remembered of each index. It takes a few megabytes, and a project has hundreds.
const MOST: usize = 20_000;

/// Addresses of files in one index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(BTreeMap<String, String>);

impl Addresses {
    /// Those that are remembered; none where the store does not know the index, or what it knows is
    /// damaged: they can be found again.
    pub fn load(cas: &Cas, label: &str) -> Result<Self, Error> {
        let value = cas.get_ref(ADDRESSES, label).map_err(failed)?;
        let Some(Value::Object(known)) = value.map(|value| value.data) else {
            return Ok(Self::default());
        };
        let texts = known.into_iter().filter_map(|(hex, url)| match url {
            Value::String(url) => Some((hex, url)),
            _ => None,
        });
        Ok(Self(texts.collect()))
    }

    /// Notes an address. One with a query is not noted: it is signed for a while, and perhaps secret.
    pub fn note(&mut self, digest: &Digest, url: &Url) {
        let fits = matches!(url.scheme(), "http" | "https") && url.query().is_none();
        if fits {
            self.0.insert(digest.hex(), without_user(url).into());
        }
    }

    /// Where a file was.
    pub fn get(&self, digest: &Digest) -> Option<Url> {
        self.0.get(&digest.hex())?.parse().ok()
    }

    /// Adds these to what is remembered. Two processes at once may lose each other's: then the index is
    /// asked again.
    pub fn remember(&self, cas: &Cas, label: &str) -> Result<(), Error> {
        let mut all = Self::load(cas, label)?;
        if self.0.iter().all(|(hex, url)| all.0.get(hex) == Some(url)) {
            return Ok(());
        }
        if all.0.len() + self.0.len() > MOST {
            all.0.clear();
        }
        all.0.extend(self.0.iter().take(MOST).map(|(hex, url)| (hex.clone(), url.clone())));
        let data = all.0.into_iter().map(|(hex, url)| (hex, Value::String(url))).collect();
        let value = RefValue { roots: Vec::new(), data: Value::Object(data) };
        cas.set_ref(ADDRESSES, label, &value).map_err(failed)
    }
}

fn failed(source: lightship_cas::Error) -> Error {
    Error::Store { what: "addresses of files".to_owned(), source }
}
