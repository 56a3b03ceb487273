//! Random stacks of layers, made to collide: few names, so that layers overwrite, hide, link to and
//! write through each other's entries all the time.

mod operation;

use std::collections::BTreeSet;
use std::fmt;

use lightship_oci::Image;
use lightship_oci::compression::CompressionLevel;
use lightship_oci::tar::path::display_path;
use lightship_oci::tar::{Entry, EntryKind, TarWriter};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::images::{ImageBuilder, MTIME};
use crate::naive::{Model, archive};
use operation::{Known, Operation};

/// Layers, bottom first.
#[derive(Clone)]
pub struct Stack {
    /// The entries of each layer, in the order of its tar.
    pub layers: Vec<Vec<Piece>>,
}

/// An entry with its content as it is stored.
#[derive(Clone)]
pub struct Piece {
    /// The entry.
    pub entry: Entry,
    /// As many bytes as its `size` says.
    pub content: Vec<u8>,
}

/// Any stack: some of its entries cannot be unpacked.
pub fn any_stack() -> impl Strategy<Value = Stack> {
    vec(vec(operation::operation(), 0..14), 1..6).prop_map(|layers| Stack::carry_out(&layers))
}

/// A stack that every unpacker takes.
pub fn sane_stack() -> impl Strategy<Value = Stack> {
    any_stack().prop_map(Stack::without_problems)
}

impl Stack {
    fn carry_out(layers: &[Vec<Operation>]) -> Self {
        let mut known = Known::default();
        let layers = (layers.iter())
            .map(|operations| {
                known.begin_layer();
                operations.iter().filter_map(|operation| operation.carry_out(&mut known)).collect()
            })
            .collect();
        Self { layers }
    }

    /// The stack without the entries that cannot be unpacked.
    #[must_use]
    pub fn without_problems(self) -> Self {
        self.without(|model| model.problems)
    }

    /// The stack without what unpackers differ on: what the model calls disputed, AUFS' bookkeeping, a
    /// path twice in one layer, and extended attributes that are empty or where Linux keeps none. In
    /// layers that make links or put something below a path that they hide, whiteouts come first.
    #[must_use]
    pub fn undisputed(mut self) -> Self {
        for layer in &mut self.layers {
            let mut paths = BTreeSet::new();
            layer.retain(|piece| !piece.path().starts_with(b".wh..wh.plnk/"));
            layer.retain(|piece| paths.insert(piece.path()));
            let hidden: Vec<Vec<u8>> = layer.iter().filter_map(Piece::hides).collect();
            let matters = |piece: &Piece| {
                let path = piece.path();
                let below = |hidden: &Vec<u8>| path.starts_with(&[hidden, &b"/"[..]].concat());
                piece.entry.kind.is_link() || hidden.iter().any(below)
            };
            if layer.iter().any(matters) {
                layer.sort_by_key(|piece| !piece.is_whiteout());
            }
            for Piece { entry, .. } in layer {
                entry.xattrs.retain(|_, value| !value.is_empty());
                match entry.kind {
                    EntryKind::File | EntryKind::HardLink | EntryKind::Directory => {}
                    EntryKind::Symlink
                    | EntryKind::CharDevice
                    | EntryKind::BlockDevice
                    | EntryKind::Fifo => entry.xattrs.clear(),
                }
            }
        }
        self.without(|model| [model.problems, model.disputed].concat())
    }

    /// The stack with the same attributes for everything that can have several names: not every
    /// unpacker sets those of a hard link's entry.
    #[must_use]
    pub fn uniform(mut self) -> Self {
        for Piece { entry, .. } in self.layers.iter_mut().flatten() {
            if entry.kind != EntryKind::Directory {
                entry.xattrs.clear();
                (entry.mode, entry.uid, entry.gid) = (0o4751, 7, 8);
                entry.mtime = MTIME;
            }
        }
        self
    }

    fn without(mut self, unwanted: impl Fn(Model) -> Vec<(usize, usize)>) -> Self {
        loop {
            let mut model = Model::default();
            for tar in self.tars() {
                model.apply(&archive::read(&tar));
            }
            let unwanted: BTreeSet<(usize, usize)> = unwanted(model).into_iter().collect();
            if unwanted.is_empty() {
                return self;
            }
            for (at, layer) in self.layers.iter_mut().enumerate() {
                let mut number = 0..;
                layer.retain(|_| !unwanted.contains(&(at, number.next().unwrap_or(0))));
            }
        }
    }

    /// The layers as tar archives.
    pub fn tars(&self) -> Vec<Vec<u8>> {
        self.layers.iter().map(|layer| tar(layer)).collect()
    }

    /// The stack as an image whose layers are compressed in turns by these.
    pub fn image(&self, levels: &[CompressionLevel]) -> Image {
        let levels = levels.iter().cycle();
        let builder =
            self.tars().iter().zip(levels).fold(ImageBuilder::new(), |builder, (tar, level)| {
                builder.compression(*level).tar(tar).history("COPY . /")
            });
        builder.image()
    }
}

impl Piece {
    /// The path without surplus slashes and dots.
    fn path(&self) -> Vec<u8> {
        let components = self.entry.path.split(|byte| *byte == b'/');
        components.filter(|c| !c.is_empty() && *c != b".").collect::<Vec<_>>().join(&b'/')
    }

    fn is_whiteout(&self) -> bool {
        self.path().rsplit(|byte| *byte == b'/').next().is_some_and(|n| n.starts_with(b".wh."))
    }

    /// The path that a whiteout hides; none for an opaque folder's mark.
    fn hides(&self) -> Option<Vec<u8>> {
        let path = self.path();
        let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let name = path[at..].strip_prefix(b".wh.").filter(|name| !name.starts_with(b".wh."))?;
        Some([&path[..at], name].concat())
    }
}

fn tar(layer: &[Piece]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for Piece { entry, content } in layer {
        tar.append(entry, &mut &content[..]).unwrap_or_else(|error| panic!("{error}"));
    }
    tar.finish().unwrap_or_else(|error| panic!("{error}"))
}

impl fmt::Debug for Stack {
    /// One line an entry, as a person would list a tar.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, layer) in self.layers.iter().enumerate() {
            writeln!(f, "\nlayer {at}")?;
            for (number, piece) in layer.iter().enumerate() {
                writeln!(f, "  {number:2} {piece:?}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { path, kind, mode, uid, gid, mtime, link_target, xattrs, device, .. } =
            &self.entry;
        write!(f, "{kind:?} `{}` {mode:04o} {uid}:{gid}", display_path(path))?;
        write!(f, " {}.{:09}", mtime.secs, mtime.nanos)?;
        match kind {
            EntryKind::File => write!(f, " {} of {} bytes", self.entry.size, self.entry.real_size)?,
            EntryKind::HardLink | EntryKind::Symlink => {
                write!(f, " -> `{}`", display_path(link_target))?;
            }
            EntryKind::CharDevice | EntryKind::BlockDevice => write!(f, " {device:?}")?,
            EntryKind::Directory | EntryKind::Fifo => {}
        }
        for (name, value) in xattrs {
            write!(f, " {}={}", display_path(name), display_path(value))?;
        }
        Ok(())
    }
}
