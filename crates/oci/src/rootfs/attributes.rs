//! Owner, mode, times and extended attributes of what is in the tree.

use std::borrow::Cow;
use std::collections::HashMap;

use super::index::{LayerIndex, Meta};
use super::tree::{Node, NodeId, Origin, Tree, What};

/// The file capabilities, which the kernel drops whenever a file's owner is set.
const CAPABILITIES: &[u8] = b"security.capability";

impl Tree {
    /// A node's attributes, from the indexes of the layers that were applied; `None` for a folder that
    /// only its children imply. The mode of a symbolic link means nothing: Linux has none.
    ///
    /// A hard link's entry has attributes, too, and runtimes set them on the file that they just
    /// linked to: the last of all its entries decides, also one whose name is gone again.
    pub fn meta<L: AsRef<LayerIndex>>(&self, id: NodeId, layers: &[L]) -> Option<Meta> {
        let Node { origin, original, .. } = self.node(id);
        let linked = self.linked.get_or_init(|| self.fold_links(layers));
        linked.get(original).or_else(|| Some(written(layers, (*origin)?))).cloned()
    }

    /// The attributes of everything that has or had several names, by its first. Worked out once: a
    /// content with a million names would take a million steps for each of them.
    fn fold_links<L: AsRef<LayerIndex>>(&self, layers: &[L]) -> HashMap<NodeId, Meta> {
        let files = self.inodes.iter().filter_map(|inode| inode.names.first());
        let originals = files.chain(self.further.keys());
        originals.filter_map(|id| Some((*id, self.fold(*id, layers)?))).collect()
    }

    /// What all entries together made of one thing's attributes, if it has more than one.
    fn fold<L: AsRef<LayerIndex>>(&self, id: NodeId, layers: &[L]) -> Option<Meta> {
        let names = match self.node(id).what {
            What::File(inode) => Cow::Borrowed(&self.inode(inode).names),
            What::Directory(_) | What::Symlink(_) | What::Special => Cow::Owned(self.names(id)),
        };
        let (first, links) = names.split_first().filter(|(_, links)| !links.is_empty())?;
        let mut meta = written(layers, self.node(*first).origin?).clone();
        for link in links {
            meta.set_again(written(layers, self.node(*link).origin?));
        }
        Some(meta)
    }
}

/// The attributes in an entry.
fn written<L: AsRef<LayerIndex>>(layers: &[L], origin: Origin) -> &Meta {
    &layers[origin.layer as usize].as_ref().entries[origin.entry as usize].meta
}

/// Whoever keeps more about a layer than its index hands that over as it is.
impl AsRef<LayerIndex> for LayerIndex {
    fn as_ref(&self) -> &LayerIndex {
        self
    }
}

impl Meta {
    /// What unpackers do to a file that exists already: `chown`, which drops its capabilities, then
    /// those extended attributes that the entry has, then `chmod` and the time.
    fn set_again(&mut self, link: &Self) {
        let mut xattrs = self.xattrs.take().unwrap_or_default();
        xattrs.remove(CAPABILITIES);
        xattrs.extend(link.xattrs.iter().flat_map(|more| (**more).clone()));
        *self = Self { xattrs: (!xattrs.is_empty()).then_some(xattrs), ..link.clone() };
    }
}
