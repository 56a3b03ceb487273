//! A folder of this machine as an image's filesystem, for tests on real data.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helps tests only")]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lightship_packages::elf::{ElfFacts, ElfProbe, Interest};
use lightship_packages::{Entry, EntryKind, FileEntry, Tree, Want, wanted};

/// What one name stands for.
enum Node {
    File {
        size: u64,
        hard_links: Option<u64>,
        content: Option<Vec<u8>>,
        elf: Option<Box<ElfFacts>>,
    },
    Folder,
    Link(Vec<u8>),
    Other,
}

/// Visible names with what was kept, as the audit would hold them.
#[derive(Default)]
pub(crate) struct DiskTree {
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl DiskTree {
    /// Takes in everything below `root` that lies in one of `parts` (relative; empty for all).
    pub(crate) fn read(root: &Path, parts: &[&str], probe: bool) -> Self {
        let mut tree = Self::default();
        let mut todo: Vec<std::path::PathBuf> = if parts.is_empty() {
            vec![root.to_owned()]
        } else {
            parts.iter().map(|part| root.join(part)).collect()
        };
        while let Some(path) = todo.pop() {
            let relative = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let kind = metadata.file_type();
            let node = if kind.is_dir() {
                todo.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
                Node::Folder
            } else if kind.is_symlink() {
                Node::Link(fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
            } else if kind.is_file() {
                read_file(&path, &relative, &metadata, probe)
            } else {
                Node::Other
            };
            if !relative.is_empty() {
                tree.nodes.insert(relative, node);
            }
        }
        tree
    }

    /// The bytes of regular files, each content once, below a folder.
    pub(crate) fn bytes_below(&self, folder: &[u8]) -> u64 {
        let mut seen = HashSet::new();
        let files = self.nodes.iter().filter(|(path, _)| path.starts_with(folder));
        files
            .map(|(_, node)| match node {
                Node::File { size, hard_links, .. } => match hard_links {
                    Some(number) if !seen.insert(*number) => 0,
                    _ => *size,
                },
                Node::Folder | Node::Link(_) | Node::Other => 0,
            })
            .sum()
    }
}

fn read_file(path: &Path, relative: &[u8], metadata: &fs::Metadata, probe: bool) -> Node {
    let size = metadata.len();
    let hard_links = (metadata.nlink() > 1).then(|| metadata.ino());
    let (content, elf) = match wanted(relative, size) {
        Want::Nothing => (None, None),
        Want::Content { at_most } => {
            let mut content = Vec::new();
            fs::File::open(path).unwrap().take(at_most).read_to_end(&mut content).unwrap();
            (Some(content), None)
        }
        Want::ElfProbe => (None, if probe { facts(path).map(Box::new) } else { None }),
    };
    Node::File { size, hard_links, content, elf }
}

/// Streams one file of this machine through a probe.
pub(crate) fn facts(path: &Path) -> Option<ElfFacts> {
    let mut file = fs::File::open(path).ok()?;
    let mut probe = ElfProbe::new(file.metadata().ok()?.len());
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let n = file.read(&mut buffer).ok()?;
        if n == 0 || probe.feed(&buffer[..n]) == Interest::Done {
            return probe.finish();
        }
    }
}

impl Tree for DiskTree {
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.nodes.get(path).map(show)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        for (path, node) in &self.nodes {
            visitor(path, &show(node));
        }
    }
}

fn show(node: &Node) -> Entry<'_> {
    let kind = match node {
        Node::File { size, hard_links, content, elf } => EntryKind::File(FileEntry {
            size: *size,
            hard_links: *hard_links,
            content: content.as_deref(),
            elf: elf.as_deref(),
        }),
        Node::Folder => EntryKind::Directory,
        Node::Link(target) => EntryKind::Symlink(target),
        Node::Other => EntryKind::Other,
    };
    Entry { kind, layer: 0 }
}

/// Says why a test proves nothing on this machine.
pub(crate) fn skip(why: &str) {
    println!("SKIPPED: {why}");
}
