//! OCI image layouts: a folder (or an archive of one) with `oci-layout`, `index.json` and
//! `blobs/sha256/*` (*OCI image-spec 1.1, image-layout.md*).
//!
//! A layout holds any number of images. Each is a descriptor in `index.json`, named by the annotation
//! `org.opencontainers.image.ref.name`; containerd and Docker add the full name as
//! `io.containerd.image.name`.

mod destination;
mod select;
mod source;

use lightship_base::Digest;
use serde::Deserialize;
use serde_json::Value;

use crate::spec::{Index, ManifestKind};
use crate::{BlobReader, Error};

pub use destination::LayoutDestination;
pub(crate) use destination::{check_ref_name, empty_index, enlist, enlist_referrers, to_json};
pub(crate) use select::{Found, find, find_spelling, images, is_one_image, name_of};
pub use source::LayoutSource;
pub(crate) use source::{missing_blob, read_index};

/// The tag (or whatever the writer took for one) of an image in an index.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The full name of an image, by containerd's convention.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What `oci-layout` says, and the only version there is.
pub(crate) const LAYOUT_FILE: &str = "oci-layout";
pub(crate) const LAYOUT_BYTES: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";
pub(crate) const BLOBS: &str = "blobs/sha256";

/// `oci-layout` is a version and a brace or two.
const MAX_LAYOUT_FILE_BYTES: u64 = 64 * 1024;

/// Where a layout's files come from: a folder or an archive.
pub(crate) trait Files: Send + Sync {
    /// A file's bytes from `offset` on, and its whole size; none if there is no such file. `path` is
    /// relative, slashes between its components.
    fn open(&self, path: &str, offset: u64) -> Result<Option<(BlobReader, u64)>, Error>;
}

/// The path of a blob in a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("{BLOBS}/{}", digest.hex())
}

/// Parses `index.json`. Anything may be fed to it.
pub fn parse_index(bytes: &[u8]) -> Result<Index, serde_json::Error> {
    use serde::de::Error as _;
    // A layout without images: Go writes an empty list as `null`.
    let mut fields: serde_json::Map<String, Value> = serde_json::from_slice(bytes)?;
    if fields.get("manifests") == Some(&Value::Null) {
        fields.insert("manifests".to_owned(), Value::Array(Vec::new()));
        return serde_json::from_value(Value::Object(fields));
    }
    match ManifestKind::parse(bytes)? {
        ManifestKind::Index(index) => Ok(index),
        ManifestKind::Manifest(_) => {
            Err(serde_json::Error::custom("it is a manifest, not an index"))
        }
    }
}

/// Parses `oci-layout` and says which version it names. Anything may be fed to it.
pub fn parse_layout_version(bytes: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct LayoutFile {
        image_layout_version: String,
    }
    serde_json::from_slice::<LayoutFile>(bytes).map(|file| file.image_layout_version)
}

/// Reads a whole small file; none if there is no such file.
pub(crate) fn read_small(
    files: &dyn Files,
    path: &str,
    limit: u64,
    place: &str,
) -> Result<Option<Vec<u8>>, Error> {
    use std::io::Read;
    let Some((reader, size)) = files.open(path, 0)? else { return Ok(None) };
    let what = format!("{path} of {place}");
    if size > limit {
        return Err(Error::invalid(what, format!("{size} bytes are more than {limit}")));
    }
    let mut bytes = Vec::new();
    match reader.take(limit + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(Some(bytes)),
        Err(source) => Err(Error::Read { what, source }),
    }
}

/// Fails unless `oci-layout` is there and names a version that we know.
pub(crate) fn check_version(files: &dyn Files, place: &str) -> Result<(), Error> {
    let Some(bytes) = read_small(files, LAYOUT_FILE, MAX_LAYOUT_FILE_BYTES, place)? else {
        return Err(Error::NotFound {
            what: LAYOUT_FILE.to_owned(),
            place: place.to_owned(),
            hint: Some("an image layout has `oci-layout`, `index.json` and `blobs`".to_owned()),
        });
    };
    let version = parse_layout_version(&bytes)
        .map_err(|source| Error::Json { what: format!("{LAYOUT_FILE} of {place}"), source })?;
    if version == "1.0.0" || version.starts_with("1.") {
        return Ok(());
    }
    Err(Error::Unsupported {
        what: place.to_owned(),
        reason: format!("its layout has version {version:?}, and only 1 is known"),
        hint: None,
    })
}
