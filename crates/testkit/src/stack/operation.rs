//! One random entry, described so that it can aim at what came before it.

use std::collections::BTreeMap;

use lightship_oci::tar::{Entry, EntryKind, Fragment, Mtime, SparseMap};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::Piece;

/// What a random entry does.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    action: Action,
    place: Place,
    /// How the path is spelled: prefix and suffix.
    spelling: (&'static str, &'static str),
    attributes: (u32, u64, u64, Mtime),
    xattrs: Vec<(&'static [u8], &'static [u8])>,
}

#[derive(Debug, Clone)]
enum Action {
    File(usize),
    Folder,
    Symlink(Vec<u8>),
    HardLink(Place),
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
    /// With a content, which it should not have, or without.
    Whiteout(usize),
    Opaque,
    Bookkeeping,
}

/// A path: one of those that came before, or a new one.
#[derive(Debug, Clone)]
enum Place {
    Known(Index),
    ThisLayer(Index),
    New(Vec<&'static [u8]>),
}

/// Few, so that they meet. `a-` sorts between `a` and `a/…` where paths are compared as plain bytes;
/// the last is Latin-1.
const NAMES: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"a-", b"\xe9"];

const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn name() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![8 => select(&NAMES[..4]), 1 => select(&NAMES[4..])]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        20 => vec(name(), 1..4).prop_map(Place::New),
        1 => Just(Place::New(Vec::new())),
        14 => any::<Index>().prop_map(Place::Known),
        7 => any::<Index>().prop_map(Place::ThisLayer),
    ]
}

/// Relative, absolute, climbing, dangling, in a circle: whatever comes.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let component = prop_oneof![6 => name(), 2 => Just(&b".."[..]), 1 => Just(&b"."[..]), 1 => Just(&b"missing"[..])];
    (any::<bool>(), vec(component, 1..4)).prop_map(|(absolute, components)| {
        let prefix: &[u8] = if absolute { b"/" } else { b"" };
        [prefix, &components.join(&b'/')].concat()
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..CONTENTS).prop_map(Action::File),
        4 => Just(Action::Folder),
        3 => target().prop_map(Action::Symlink),
        4 => place().prop_map(Action::HardLink),
        1 => (1_u32..300, 0_u32..300).prop_map(|(major, minor)| Action::CharDevice(major, minor)),
        1 => Just(Action::BlockDevice(259, (1 << 20) - 1)),
        1 => Just(Action::Fifo),
        4 => select(vec![0, 0, 0, 1]).prop_map(Action::Whiteout),
        2 => Just(Action::Opaque),
        1 => Just(Action::Bookkeeping),
    ]
}

fn attributes() -> impl Strategy<Value = (u32, u64, u64, Mtime)> {
    let mtime = |secs, nanos| Mtime { secs, nanos };
    (
        select(vec![0o644, 0o755, 0o4755, 0o1777, 0o700, 0]),
        select(vec![0, 0, 1000, 70_000, 3_000_000]),
        select(vec![0, 0, 1000, 2_097_152]),
        select(vec![
            mtime(0, 0),
            mtime(1_600_000_000, 0),
            mtime(1_600_000_000, 120_000_000),
            mtime(1_600_000_000, 1),
            mtime(-1, 500_000_000),
        ]),
    )
}

fn xattrs() -> impl Strategy<Value = Vec<(&'static [u8], &'static [u8])>> {
    let xattr = select(vec![
        (&b"security.capability"[..], CAPABILITY),
        (b"user.note", b"one\n=two\0"),
        (b"user.note", b"other"),
        (b"user.empty", b""),
    ]);
    prop_oneof![3 => Just(Vec::new()), 1 => vec(xattr, 1..3)]
}

/// Any entry.
pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let prefix = select(vec!["", "", "", "./", "/", ".//./"]);
    let spelling = (prefix, select(vec!["", "/"]));
    (action(), place(), spelling, attributes(), xattrs()).prop_map(
        |(action, place, spelling, attributes, xattrs)| Operation {
            action,
            place,
            spelling,
            attributes,
            xattrs,
        },
    )
}

/// The paths that earlier operations named.
#[derive(Debug, Default)]
pub(super) struct Known {
    all: Vec<Vec<u8>>,
    /// How many of them are older than the present layer.
    older: usize,
}

impl Known {
    pub(super) fn begin_layer(&mut self) {
        self.older = self.all.len();
    }

    fn resolve(&self, place: &Place) -> Vec<u8> {
        let pick = |paths: &[Vec<u8>], index: &Index| {
            if paths.is_empty() { NAMES[0].to_vec() } else { index.get(paths).clone() }
        };
        match place {
            Place::Known(index) => pick(&self.all, index),
            Place::ThisLayer(index) => pick(&self.all[self.older..], index),
            Place::New(components) => components.join(&b'/'),
        }
    }
}

impl Operation {
    /// The entry, now that it is known what came before. None where there can be none: the root is
    /// always a folder, and links lead somewhere.
    pub(super) fn carry_out(&self, known: &mut Known) -> Option<Piece> {
        let mut path = known.resolve(&self.place);
        let (entry, content) = self.body(known);
        let at_root = matches!(self.action, Action::Folder | Action::Opaque);
        if path.is_empty() && !at_root || entry.kind.is_link() && entry.link_target.is_empty() {
            return None;
        }
        match self.action {
            Action::Whiteout(_) => {
                let name_at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
                path.splice(name_at..name_at, *b".wh.");
            }
            Action::Opaque => path.extend_from_slice(b"/.wh..wh..opq"),
            Action::Bookkeeping => path.splice(0..0, *b".wh..wh.plnk/").for_each(drop),
            Action::Folder if path.is_empty() => path.push(b'.'),
            Action::File(_)
            | Action::Folder
            | Action::Symlink(_)
            | Action::HardLink(_)
            | Action::CharDevice(..)
            | Action::BlockDevice(..)
            | Action::Fifo => known.all.push(path.clone()),
        }
        let (prefix, suffix) = self.spelling;
        path.splice(0..0, prefix.bytes());
        if entry.kind == EntryKind::Directory {
            path.extend_from_slice(suffix.as_bytes());
        }
        let (mode, uid, gid, mtime) = self.attributes;
        let owned = |(name, value): &(&[u8], &[u8])| (name.to_vec(), value.to_vec());
        let xattrs: BTreeMap<Vec<u8>, Vec<u8>> = self.xattrs.iter().map(owned).collect();
        Some(Piece { entry: Entry { path, mode, uid, gid, mtime, xattrs, ..entry }, content })
    }

    fn body(&self, known: &Known) -> (Entry, Vec<u8>) {
        let entry = |kind| Entry::new(Vec::new(), kind);
        let empty = |entry| (entry, Vec::new());
        match &self.action {
            Action::File(content) | Action::Whiteout(content) => file(*content),
            Action::Folder => empty(entry(EntryKind::Directory)),
            Action::Symlink(target) => {
                empty(Entry { link_target: target.clone(), ..entry(EntryKind::Symlink) })
            }
            Action::HardLink(target) => {
                let link_target = known.resolve(target);
                empty(Entry { link_target, ..entry(EntryKind::HardLink) })
            }
            Action::CharDevice(major, minor) => {
                empty(Entry { device: (*major, *minor), ..entry(EntryKind::CharDevice) })
            }
            Action::BlockDevice(major, minor) => {
                empty(Entry { device: (*major, *minor), ..entry(EntryKind::BlockDevice) })
            }
            Action::Fifo => empty(entry(EntryKind::Fifo)),
            Action::Opaque => file(0),
            // Bookkeeping with a content, which no runtime unpacks.
            Action::Bookkeeping => file(1),
        }
    }
}

/// How many contents there are to choose from.
const CONTENTS: usize = 6;

/// An empty one, small ones, one of exactly a block, one of many blocks, and two sparse ones that unpack
/// to the same bytes.
fn file(content: usize) -> (Entry, Vec<u8>) {
    let plain = |bytes: Vec<u8>| {
        let size = bytes.len() as u64;
        (Entry { size, real_size: size, ..Entry::new(Vec::new(), EntryKind::File) }, bytes)
    };
    match content {
        0 => plain(Vec::new()),
        1 => plain(b"one".to_vec()),
        2 => plain(vec![b'x'; 512]),
        3 => {
            plain((0..5000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect())
        }
        4 => sparse(&[(4096, 512)]),
        _ => sparse(&[(0, 1024), (4096, 1024)]),
    }
}

fn sparse(ranges: &[(u64, u64)]) -> (Entry, Vec<u8>) {
    const SIZE: u64 = 8192;
    let fragments: Vec<Fragment> = ranges
        .iter()
        .map(|(offset, length)| Fragment { offset: *offset, length: *length })
        .collect();
    // Ones from 4096 to 4608, zeros everywhere else.
    let content: Vec<u8> = (ranges.iter())
        .flat_map(|(offset, length)| *offset..offset + length)
        .map(|at| u8::from((4096..4608).contains(&at)))
        .collect();
    let map = SparseMap::new(fragments, SIZE).expect("the ranges are in order");
    let entry = Entry {
        size: content.len() as u64,
        real_size: SIZE,
        sparse: Some(map),
        ..Entry::new(Vec::new(), EntryKind::File)
    };
    (entry, content)
}
