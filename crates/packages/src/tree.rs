//! The filesystem of an image as inventories see it: visible names only, nothing read from a disk.
//!
//! Whoever streams the layers asks [`crate::wanted`] what to keep of each file, and afterwards
//! answers two questions: what is at this path, and what is there at all.

use std::collections::HashMap;

use crate::elf::ElfFacts;
use crate::path;

/// The visible filesystem: what remains after every layer is applied.
///
/// Paths are bytes, relative to the root, without a leading slash, without `.` and `..`; they are
/// real paths, so none leads through a symbolic link.
pub trait Tree {
    /// What is at `path`. Does not follow symbolic links, neither on the way nor at the end.
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>>;

    /// Shows every visible entry once, in any order; the root itself may be left out.
    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>));
}

/// One visible name.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind<'a>,
    /// The layer that wrote it, the lowest being 0.
    pub layer: usize,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum EntryKind<'a> {
    /// A regular file.
    File(FileEntry<'a>),
    /// A directory.
    Directory,
    /// A symbolic link with its target as written.
    Symlink(&'a [u8]),
    /// A device, pipe or socket.
    Other,
}

/// A regular file, with what was kept of it while its layer went by.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileEntry<'a> {
    /// Bytes of content.
    pub size: u64,
    /// The same number for all names that share one content through hard links; `None` for a file
    /// with one name.
    pub hard_links: Option<u64>,
    /// The beginning of the content, as far as [`crate::Want::Content`] asked for it.
    pub content: Option<&'a [u8]>,
    /// What [`crate::elf::ElfProbe`] found, where it found an ELF file.
    pub elf: Option<&'a ElfFacts>,
}

impl<'a> Entry<'a> {
    /// The regular file, if it is one.
    pub fn file(&self) -> Option<FileEntry<'a>> {
        match self.kind {
            EntryKind::File(file) => Some(file),
            EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::Other => None,
        }
    }
}

/// Linux follows at most 40 symbolic links in one path (*`path_resolution(7)`*).
const MAX_LINKS: u32 = 40;

/// Turns paths as package managers write them into real paths: `lib/x` is `usr/lib/x` where `/lib`
/// is a link to `usr/lib`. Folders are remembered, since a package names the same ones again and
/// again.
pub(crate) struct RealPaths<'t> {
    tree: &'t dyn Tree,
    folders: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'t> RealPaths<'t> {
    pub(crate) fn new(tree: &'t dyn Tree) -> Self {
        Self { tree, folders: HashMap::new() }
    }

    /// The real path of a name: links are followed on the way, not at the end, because a package that
    /// installs a link owns the link. `None` for a loop of links.
    pub(crate) fn of(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        let folder = path::parent(path);
        let name = path::file_name(path);
        if let Some(known) = self.folders.get(folder) {
            return known.as_ref().map(|real| path::join(real, name));
        }
        let real = follow(self.tree, folder);
        let answer = real.as_ref().map(|real| path::join(real, name));
        self.folders.insert(folder.to_vec(), real);
        answer
    }
}

/// Walks a folder's path from the root; what is missing is taken literally.
fn follow(tree: &dyn Tree, folder: &[u8]) -> Option<Vec<u8>> {
    let components = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect()
    };
    let mut rest = components(folder);
    if rest.len() > path::MAX_DEPTH {
        return Some(folder.to_vec());
    }
    let mut real: Vec<u8> = Vec::new();
    let mut links = 0;
    while let Some(component) = rest.pop() {
        match component.as_slice() {
            b"" | b"." => continue,
            b".." => {
                real.truncate(path::parent(&real).len());
                continue;
            }
            _ => {}
        }
        let next = path::join(&real, &component);
        match tree.entry(&next).map(|entry| entry.kind) {
            Some(EntryKind::Symlink(target)) => {
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                if target.first() == Some(&b'/') {
                    real.clear();
                }
                rest.extend(components(target));
            }
            Some(EntryKind::File(_) | EntryKind::Directory | EntryKind::Other) | None => {
                real = next;
            }
        }
    }
    Some(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryTree;

    #[test]
    fn names_lead_through_linked_folders_to_real_paths() {
        let tree = MemoryTree::default()
            .folder("usr/lib/x86_64-linux-gnu")
            .link("lib", "usr/lib")
            .link("lib64", "/usr/lib64")
            .link("opt/here", "../lib/x86_64-linux-gnu")
            .link("loop", "loop/again");
        let mut paths = RealPaths::new(&tree);
        let mut real = |path: &str| paths.of(path.as_bytes()).map(|p| path::display(&p));
        assert_eq!(
            real("lib/x86_64-linux-gnu/libc.so.6").unwrap(),
            "usr/lib/x86_64-linux-gnu/libc.so.6"
        );
        assert_eq!(real("lib64/ld.so").unwrap(), "usr/lib64/ld.so");
        assert_eq!(real("opt/here/x").unwrap(), "usr/lib/x86_64-linux-gnu/x");
        assert_eq!(real("lib").unwrap(), "lib", "a link at the end stays a link");
        assert_eq!(real("no/such/file").unwrap(), "no/such/file");
        assert_eq!(real("loop/x"), None);
    }
}
