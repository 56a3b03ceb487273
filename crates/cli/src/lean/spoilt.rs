//! When a build fails: whether that is the fault of files in the store which are not what they were.

use lightship_base::Digest;
use lightship_cas::Cas;
use lightship_packages::lock::Lock;
use rayon::prelude::*;

use crate::commands::Error;

/// The error that says so, where files of the lock are spoilt; else the one that there was. Every file is
/// read once more for that, which only a failed build does.
pub fn blame(lock: &Lock, cas: &Cas, error: Error) -> Error {
    let debs = lock.debs.iter().map(|deb| {
        let name = deb.file.rsplit('/').next().unwrap_or(&deb.file);
        (name, deb.sha256)
    });
    let built = lock.sdists.iter().filter_map(|sdist| sdist.built.as_ref());
    let wheels = lock.wheels.iter().map(|wheel| &wheel.file).chain(built);
    let all = debs.chain(wheels.map(|file| (file.name.as_str(), file.sha256)));
    let all: Vec<(&str, Digest)> = all.collect();
    let spoilt = all.par_iter().filter(|(_, digest)| is_spoilt(cas, digest));
    let files: Vec<String> = spoilt.map(|(name, _)| (*name).to_owned()).collect();
    if files.is_empty() { error } else { Error::Spoilt { files } }
}

/// A file that is not there, or cannot be read, is none of our business here.
fn is_spoilt(cas: &Cas, digest: &Digest) -> bool {
    let Ok(file) = std::fs::File::open(cas.blob_path(digest)) else { return false };
    let mut reader = lightship_base::HashingReader::new(file);
    std::io::copy(&mut reader, &mut std::io::sink()).is_ok() && reader.finish().0 != *digest
}
