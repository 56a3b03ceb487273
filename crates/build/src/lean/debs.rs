//! Opens Debian packages. The same ones of a base are opened by every build that does not find its layers, and what
//! they are compressed with is slow to unpack: the store keeps each once more as one that is quick.

use std::path::Path;

use lightship_base::Digest;
use lightship_cas::{Lease, RefKind, RefValue};
use lightship_packages::deb::{Deb, Error, repack};

/// Keeps packages that are quick to unpack, by the digests of those that they are made of.
pub const REPACKED: RefKind = RefKind::new("repacked");

/// Where packages are opened.
#[derive(Clone, Copy)]
pub struct Debs<'a> {
    /// Keeps them.
    pub lease: &'a Lease,
    /// What they unpack to waits in this folder, in files without names.
    pub scratch: &'a Path,
}

impl Debs<'_> {
    /// Opens the package at a path that the store has by this digest.
    pub fn open(&self, digest: &Digest, path: &Path) -> Result<Deb, Error> {
        // What is wrong with a package, or with the store, is told by opening the package itself.
        self.quick(digest, path).map_or_else(|| Deb::open(path, self.scratch), Ok)
    }

    fn quick(&self, digest: &Digest, path: &Path) -> Option<Deb> {
        let kept = self.lease.pin(REPACKED, &digest.hex()).ok().flatten();
        let open = |blob: &Digest| Deb::open(&self.lease.cas().blob_path(blob), self.scratch).ok();
        let kept = kept.as_ref().and_then(|value| value.roots.first());
        // One that cannot be opened any more is made again.
        kept.and_then(open).or_else(|| open(&self.repack(digest, path)?))
    }

    fn repack(&self, digest: &Digest, path: &Path) -> Option<Digest> {
        let mut writer = self.lease.writer().ok()?;
        if !repack(path, self.scratch, &mut writer).ok()? {
            return None;
        }
        let blob = writer.commit(None, None).ok()?.digest;
        let value = RefValue { roots: vec![blob], data: serde_json::Value::Null };
        self.lease.cas().set_ref(REPACKED, &digest.hex(), &value).ok()?;
        Some(blob)
    }
}
