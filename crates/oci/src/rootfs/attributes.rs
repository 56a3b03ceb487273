//! Owner, mode, times and extended attributes of what is in the tree.

use super::index::{LayerIndex, Meta};
use super::tree::{NodeId, Tree};

/// The file capabilities, which the kernel drops whenever a file's owner is set.
const CAPABILITIES: &[u8] = b"security.capability";

impl Tree {
    /// A node's attributes, from the indexes of the layers that were applied; `None` for a folder that
    /// only its children imply. The mode of a symbolic link means nothing: Linux has none.
    ///
    /// A hard link's entry has attributes, too, and runtimes set them on the file that they just
    /// linked to: the last of all its entries decides, also one whose name is gone again.
    pub fn meta<L: AsRef<LayerIndex>>(&self, id: NodeId, layers: &[L]) -> Option<Meta> {
        let mut metas = self.names(id).into_iter().filter_map(|name| {
            let origin = self.node(name).origin?;
            Some(&layers[origin.layer as usize].as_ref().entries[origin.entry as usize].meta)
        });
        let mut meta = metas.next()?.clone();
        metas.for_each(|link| meta.set_again(link));
        Some(meta)
    }
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
