//! A filesystem in memory for this crate's own tests.

use std::collections::{BTreeMap, HashMap};

use crate::elf::{ElfFacts, ElfProbe};
use crate::{Entry, EntryKind, FileEntry, Tree, Want, wanted};

/// What one name stands for.
#[derive(Debug)]
enum Node {
    File { size: u64, hard_links: Option<u64>, content: Option<Vec<u8>> },
    Folder,
    Link(Vec<u8>),
}

/// Keeps of each file what [`wanted`] asks for, as the audit does.
#[derive(Debug, Default)]
pub(crate) struct MemoryTree {
    nodes: BTreeMap<Vec<u8>, (Node, usize)>,
    elf: HashMap<Vec<u8>, ElfFacts>,
    layer: usize,
}

impl MemoryTree {
    /// What follows is written by this layer.
    pub(crate) fn layer(mut self, layer: usize) -> Self {
        self.layer = layer;
        self
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.linked_file(path, content, None)
    }

    pub(crate) fn linked_file(
        mut self,
        path: &str,
        content: impl AsRef<[u8]>,
        hard_links: Option<u64>,
    ) -> Self {
        let content = content.as_ref();
        let size = content.len() as u64;
        let kept = match wanted(path.as_bytes(), size) {
            Want::Nothing => None,
            Want::Content { at_most } => {
                let end = content.len().min(usize::try_from(at_most).unwrap());
                Some(content[..end].to_vec())
            }
            Want::ElfProbe => {
                let mut probe = ElfProbe::new(size);
                probe.feed(content);
                if let Some(facts) = probe.finish() {
                    self.elf.insert(path.into(), facts);
                }
                None
            }
        };
        self.put(path, Node::File { size, hard_links, content: kept })
    }

    /// A file of which only the size matters.
    pub(crate) fn sized(self, path: &str, size: u64) -> Self {
        self.put(path, Node::File { size, hard_links: None, content: None })
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        self.put(path, Node::Folder)
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.put(path, Node::Link(target.into()))
    }

    fn put(mut self, path: &str, node: Node) -> Self {
        let layer = self.layer;
        let mut above = crate::path::parent(path.as_bytes());
        while !above.is_empty() {
            self.nodes.entry(above.to_vec()).or_insert((Node::Folder, layer));
            above = crate::path::parent(above);
        }
        self.nodes.insert(path.into(), (node, layer));
        self
    }

    fn show<'a>(&'a self, path: &[u8], (node, layer): &'a (Node, usize)) -> Entry<'a> {
        let kind = match node {
            Node::File { size, hard_links, content } => EntryKind::File(FileEntry {
                size: *size,
                hard_links: *hard_links,
                content: content.as_deref(),
                elf: self.elf.get(path),
            }),
            Node::Folder => EntryKind::Directory,
            Node::Link(target) => EntryKind::Symlink(target),
        };
        Entry { kind, layer: *layer }
    }
}

impl Tree for MemoryTree {
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.nodes.get(path).map(|node| self.show(path, node))
    }

    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        for (path, node) in &self.nodes {
            visitor(path, &self.show(path, node));
        }
    }
}
