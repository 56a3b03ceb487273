//! What to keep of a file while its layer streams by.

use crate::places::{Place, place};

/// How much of one regular file the inventory needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing of it.
    Nothing,
    /// Its first so many bytes, all of them where it is no larger. What is longer than expected is
    /// kept cut, and the inventory notes it where the rest would have mattered.
    Content {
        /// Bytes to keep at most.
        at_most: u64,
    },
    /// Feed it to [`crate::elf::ElfProbe`] and keep the facts. Where the file is no ELF file, the
    /// probe says so after the first bytes.
    ElfProbe,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Lists of packages or files. dpkg's own status is 5 MB on a desktop with 4,000 packages, the
/// RECORD of a distribution with 10,000 files is 1 MB.
const LIST: u64 = 32 * MIB;
/// Headers of a Python distribution. They come before the description, which is what makes a METADATA
/// file large and which nothing here reads.
const HEADERS: u64 = 128 * KIB;
/// One JSON document or control paragraph about one package.
const DOCUMENT: u64 = 256 * KIB;

/// The smallest ELF header: 52 bytes in the 32-bit class.
const SMALLEST_ELF: u64 = 52;

/// Asked for every regular file of every layer, also for one that a later layer hides: which of them
/// stay visible is known only at the end. `path` is relative to the root, without a leading slash.
pub fn wanted(path: &[u8], size: u64) -> Want {
    match place(path).and_then(limit) {
        Some(at_most) => Want::Content { at_most },
        None if size >= SMALLEST_ELF => Want::ElfProbe,
        None => Want::Nothing,
    }
}

/// How much to keep of a file at one of the places; `None` for those of which the name says it all.
fn limit(place: Place<'_>) -> Option<u64> {
    match place {
        Place::OsRelease => Some(64 * KIB),
        Place::DpkgStatus | Place::ApkInstalled => Some(LIST),
        Place::DpkgDiversions => Some(MIB),
        Place::DpkgInfo { suffix, .. } => (suffix == b"list").then_some(LIST),
        Place::DpkgStatusFolder => Some(8 * MIB),
        Place::RpmDatabase => None,
        Place::DistInfo { file, .. } => match file {
            b"METADATA" => Some(HEADERS),
            b"RECORD" => Some(LIST),
            b"direct_url.json" | b"top_level.txt" => Some(DOCUMENT),
            _ => None,
        },
        Place::EggInfo { file, .. } => match file {
            b"PKG-INFO" => Some(HEADERS),
            b"installed-files.txt" | b"SOURCES.txt" => Some(LIST),
            b"top_level.txt" => Some(DOCUMENT),
            _ => None,
        },
        Place::EggInfoFile => Some(HEADERS),
        Place::NodePackage { .. } => Some(DOCUMENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_kept_and_the_rest_is_probed() {
        assert_eq!(wanted(b"var/lib/dpkg/status", 10), Want::Content { at_most: LIST });
        assert_eq!(wanted(b"s/a-1.dist-info/METADATA", 10), Want::Content { at_most: HEADERS });
        assert_eq!(wanted(b"s/a-1.dist-info/INSTALLER", 4), Want::Nothing);
        assert_eq!(wanted(b"usr/bin/ls", 100_000), Want::ElfProbe);
        assert_eq!(wanted(b"etc/hostname", 5), Want::Nothing);
        assert_eq!(wanted(b"var/lib/rpm/Packages", 10), Want::Nothing);
    }
}
