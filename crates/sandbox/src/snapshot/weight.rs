//! Whether a tree still is what it was when it was made (the module's documentation says why).

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::Error;
use super::walker::{Walker, join};

/// During which run of the kernel the tree was written, and its weight: in a line.
const BOOT: &str = "boot";

/// What stands in the place of a run of the kernel where the disk is known to have everything.
const DURABLE: &str = "durable";

/// What a finished tree weighs: how it is recognised after a power failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Names of everything in its folder.
    pub(super) names: u64,
    /// Bytes of all files, each counted once.
    pub(super) bytes: u64,
}

impl Weight {
    /// Adds files, or folders of no bytes.
    pub(super) fn add(&mut self, names: u64, bytes: u64) {
        self.names += names;
        self.bytes += bytes;
    }
}

/// Counts names and bytes below a folder, itself not counted.
pub(super) fn count(folder: &Path) -> Result<Weight, Error> {
    let failed = |error: rustix::io::Errno| Error::io("look at", folder)(error.into());
    let mut walker = Walker::open(folder).map_err(Error::io("open", folder))?;
    let mut weight = Weight::default();
    let mut linked = HashSet::new();
    let mut open = vec![Vec::new()];
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    while let Some(path) = open.pop() {
        walker.enter_real(&path).map_err(|_| failed(rustix::io::Errno::NOTDIR))?;
        let fd = rustix::fs::openat(walker.here(), ".", flags, Mode::empty()).map_err(failed)?;
        let mut entries = Dir::new(fd).map_err(failed)?;
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || is_own(&path, name.to_bytes()) {
                continue;
            }
            weight.names += 1;
            let found = rustix::fs::statat(walker.here(), name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(failed)?;
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => open.push(join(&path, name.to_bytes())),
                FileType::RegularFile if found.st_nlink == 1 || linked.insert(found.st_ino) => {
                    weight.bytes += u64::try_from(found.st_size).unwrap_or(0);
                }
                _ => {}
            }
        }
    }
    Ok(weight)
}

/// What the store and this module add to a tree later.
fn is_own(folder: &[u8], name: &[u8]) -> bool {
    folder.is_empty()
        && (name.starts_with(BOOT.as_bytes()) || name == lightship_cas::SIZE_FILE.as_bytes())
}

/// Notes in a finished tree when it was written.
pub(super) fn seal(tree: &Path, weight: Weight, boot: &str) -> Result<(), Error> {
    let path = tree.join(BOOT);
    let line = format!("{boot} {} {}\n", weight.names, weight.bytes);
    fs::write(&path, line).map_err(Error::io("write", &path))
}

/// Whether a tree is whole: written during this run of the kernel, known to be on the disk, or now
/// counted and found complete, which is noted.
pub(super) fn is_whole(tree: &Path, boot: &str) -> bool {
    let path = tree.join(BOOT);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut words = text.split_whitespace();
    let Some(written) = words.next() else { return false };
    let mut number = || words.next()?.parse::<u64>().ok();
    let (Some(names), Some(bytes)) = (number(), number()) else { return false };
    if written == DURABLE || (written == boot && boot != UNKNOWN) {
        return true;
    }
    let weight = Weight { names, bytes };
    // What cannot be counted (a folder that its owner may not read) cannot be vouched for.
    if count(tree).ok() != Some(weight) {
        return false;
    }
    // Another process may do the same; each replaces the whole file. A store that cannot be written is
    // counted again the next time.
    let temporary = tree.join(format!("{BOOT}.{}", std::process::id()));
    let line = format!("{DURABLE} {names} {bytes}\n");
    let _ = fs::write(&temporary, line).and_then(|()| fs::rename(&temporary, &path));
    true
}

/// Where the kernel does not tell its runs apart.
const UNKNOWN: &str = "unknown";

/// This run of the kernel.
pub(super) fn this_boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { UNKNOWN.to_owned() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_an_earlier_boot_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path();
        fs::create_dir_all(tree.join("fs/a")).unwrap();
        fs::write(tree.join("fs/a/file"), "12345").unwrap();
        fs::hard_link(tree.join("fs/a/file"), tree.join("fs/again")).unwrap();
        let weight = count(tree).unwrap();
        assert_eq!(weight, Weight { names: 4, bytes: 5 });
        assert!(!is_whole(tree, "now"), "unfinished");
        seal(tree, weight, "now").unwrap();
        assert!(is_whole(tree, "now"));

        fs::write(tree.join("fs/a/file"), "1234").unwrap();
        assert!(is_whole(tree, "now"), "nobody looks");
        assert!(!is_whole(tree, "later"), "a byte was lost");
        fs::write(tree.join("fs/a/file"), "54321").unwrap();
        assert!(is_whole(tree, "later"));
        assert!(is_whole(tree, "much later"));
        assert!(fs::read_to_string(tree.join(BOOT)).unwrap().starts_with(DURABLE));
        assert_eq!(count(tree).unwrap(), weight, "its own notes do not count");
    }
}
