//! The JSON form of a page (*PEP 691*), read without a tree of it: a page is somebody else's, and a tree
//! takes many times its bytes. What stands in a field of another type than expected counts as not said.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::page::{MOST_FILES, Yanked};

/// What matters of a page.
pub(super) struct Page<'a> {
    /// Of the API: `1.4`.
    pub(super) version: String,
    /// The files, in order; fewer than [`MOST_FILES`].
    pub(super) files: Vec<File<'a>>,
}

/// One file's fields, each as it stands there.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct File<'a> {
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    filename: Option<&'a RawValue>,
    hashes: Option<&'a RawValue>,
    size: Option<&'a RawValue>,
    yanked: Option<&'a RawValue>,
    core_metadata: Option<&'a RawValue>,
    data_dist_info_metadata: Option<&'a RawValue>,
    requires_python: Option<&'a RawValue>,
}

/// Reads a page.
pub(super) fn page(bytes: &[u8]) -> Result<Page<'_>, String> {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow, default)]
        meta: Option<&'a RawValue>,
        #[serde(borrow)]
        files: Files<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Meta {
        api_version: String,
    }
    let whole: Whole<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let version =
        whole.meta.and_then(read).map_or_else(|| "1.0".to_owned(), |m: Meta| m.api_version);
    let files = whole.files.0.into_iter();
    Ok(Page {
        version,
        files: files.filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect(),
    })
}

impl File<'_> {
    pub(super) fn url(&self) -> Option<String> {
        self.url.and_then(read)
    }

    pub(super) fn name(&self) -> Option<String> {
        self.filename.and_then(read)
    }

    pub(super) fn sha256(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Hashes {
            sha256: String,
        }
        self.hashes.and_then(read).map(|hashes: Hashes| hashes.sha256)
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.size.and_then(read)
    }

    pub(super) fn requires_python(&self) -> Option<String> {
        self.requires_python.and_then(read)
    }

    pub(super) fn yanked(&self) -> Yanked {
        let reason: Option<String> = self.yanked.and_then(read);
        match reason {
            Some(reason) => Yanked::Yes((!reason.is_empty()).then_some(reason)),
            None if self.yanked.and_then(read) == Some(true) => Yanked::Yes(None),
            None => Yanked::No,
        }
    }

    /// By its present or its former name.
    pub(super) fn has_metadata(&self) -> bool {
        let said = [self.core_metadata, self.data_dist_info_metadata];
        said.into_iter().flatten().any(|raw| !["false", "null"].contains(&raw.get()))
    }
}

fn read<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// A list whose length is watched while it is read.
struct Files<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Files<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Files<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of files")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut files = Vec::new();
                while let Some(file) = list.next_element()? {
                    files.push(file);
                    if files.len() >= MOST_FILES {
                        return Err(A::Error::custom(format!(
                            "it has more than {MOST_FILES} files"
                        )));
                    }
                }
                Ok(Files(files))
            }
        }
        from.deserialize_seq(Bounded)
    }
}
