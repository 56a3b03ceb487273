//! Which trees an image keeps from being collected.

use std::io::Read;

use lightship_base::{ChainId, Digest};
use lightship_cas::{Cas, Error as CasError};
use lightship_oci::spec::{Config, MAX_CONFIG_BYTES};

/// The digests whose trees a blob keeps, for [`lightship_cas::Trace::trees`]: of an image's config those
/// of its layers' snapshots, and of the plan and the flat tree of the image; none of any other blob.
pub fn kept_by(cas: &Cas, digest: &Digest) -> Result<Vec<Digest>, CasError> {
    if !may_be_json(cas, digest)? {
        return Ok(Vec::new());
    }
    let bytes = match cas.read(digest, MAX_CONFIG_BYTES) {
        // A damaged config keeps nothing that could not be made again.
        Err(CasError::CorruptBlob { .. }) => return Ok(Vec::new()),
        bytes => bytes?,
    };
    let Ok(config) = Config::parse(&bytes) else { return Ok(Vec::new()) };
    let diff_ids = &config.rootfs.diff_ids;
    let top = ChainId::chain(diff_ids).last().copied();
    Ok(diff_ids.iter().map(|diff_id| diff_id.0).chain(top.map(|top| top.0)).collect())
}

/// A look at the first bytes saves reading every small layer and wheel.
fn may_be_json(cas: &Cas, digest: &Digest) -> Result<bool, CasError> {
    let blob = cas.open_blob(digest)?;
    if blob.size() > MAX_CONFIG_BYTES {
        return Ok(false);
    }
    let mut start = Vec::new();
    let read = blob.take(64).read_to_end(&mut start);
    read.map_err(CasError::io("read", &cas.blob_path(digest)))?;
    Ok(start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
}
