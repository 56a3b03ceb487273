//! What a layer's whiteouts take out of the layers below.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::apply::Step;
use super::index::{Body, IndexEntry, LayerIndex};
use super::tree::{NodeId, Tree, What};
use crate::tar::path::RootPath;

impl Step<'_> {
    /// Hides what the layer's whiteouts name. All of them are looked up before any takes effect, so
    /// that their order does not matter. None is looked up through a symbolic link that this very
    /// layer replaces: after `rm link; mkdir link` there is an opaque folder at the link's path, which
    /// says nothing about the folder that the link led to.
    pub(super) fn hide(&mut self, layer: &LayerIndex) {
        let own = OnceCell::new();
        let stays = |link| !own.get_or_init(|| own_paths(layer)).contains(&self.tree.path(link));
        let mut hidden = Vec::new();
        let mut opaque = HashSet::new();
        for entry in &layer.entries {
            match entry.body {
                Body::Whiteout => hidden.extend(self.tree.behind_whiteout(&entry.path, stays)),
                Body::Opaque => {
                    // Once is enough: a hostile layer may say it a million times, in as many ways.
                    let folder = self.tree.walk_links(&entry.path, stays).folder();
                    if let Some(folder) = folder.filter(|folder| opaque.insert(*folder)) {
                        hidden.extend(self.tree.children(folder));
                    }
                }
                Body::File { .. }
                | Body::HardLink(_)
                | Body::Symlink(_)
                | Body::Directory
                | Body::CharDevice(..)
                | Body::BlockDevice(..)
                | Body::Fifo
                | Body::Ignored => {}
            }
        }
        for node in hidden {
            if self.tree.is_visible(node) {
                self.remove(node);
            }
        }
    }
}

impl Tree {
    fn behind_whiteout(&self, path: &RootPath, follow: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let (folder, name) = path.split_last()?;
        self.child(self.walk_links(&folder, follow).folder()?, name)
    }

    fn children(&self, folder: NodeId) -> impl Iterator<Item = NodeId> {
        let children = match &self.node(folder).what {
            What::Directory(children) => Some(children.values().copied()),
            What::File(_) | What::Symlink(_) | What::Special => None,
        };
        children.into_iter().flatten()
    }
}

/// The paths at which a layer makes or hides something of its own.
fn own_paths(layer: &LayerIndex) -> HashSet<&RootPath> {
    let own = |entry: &&IndexEntry| !matches!(entry.body, Body::Opaque | Body::Ignored);
    layer.entries.iter().filter(own).map(|entry| &entry.path).collect()
}
