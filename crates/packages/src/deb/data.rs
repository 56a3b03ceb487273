//! The data of a package: what it installs.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

use lightship_codec::tar::{
    Entry, EntryKind, RootPath, TarError, TarErrorKind, TarReader, display_path,
    path::MAX_PATH_BYTES,
};

use super::ErrorKind;
use super::members::TooMuch;
use super::spool::SpoolWriter;
use crate::parcel::{Item, ItemKind};
use crate::path::MAX_DEPTH;

/// What a package installs.
pub(super) struct Data {
    pub(super) items: Vec<Item>,
    pub(super) without_set_id: Vec<RootPath>,
}

/// Set-user-ID and set-group-ID. In an image of one user they are only a way up for an intruder.
const SET_ID: u32 = 0o6000;

/// An item whose bytes are still being written.
enum Draft {
    Folder { mode: u32 },
    File { mode: u32, offset: u64, size: u64 },
    Symlink(Vec<u8>),
}

struct Unpacking<'a> {
    member: &'a str,
    spool: SpoolWriter,
    drafts: Vec<(RootPath, Draft)>,
    places: HashMap<RootPath, usize>,
    without_set_id: Vec<RootPath>,
}

/// Reads the whole archive; contents go into the spool.
pub(super) fn unpack<R: BufRead>(
    mut tar: TarReader<R>,
    member: &str,
    scratch: &Path,
) -> Result<Data, ErrorKind> {
    let mut unpacking = Unpacking {
        member,
        spool: SpoolWriter::new(scratch.to_owned()),
        drafts: Vec::new(),
        places: HashMap::new(),
        without_set_id: Vec::new(),
    };
    while let Some(entry) = tar.next_entry().map_err(|source| broken(member, source))? {
        unpacking.take(&entry, &mut tar)?;
    }
    // Only the end of a compressed stream has its checksum.
    tar.drain().map_err(|source| broken(member, source))?;
    unpacking.finish()
}

impl Unpacking<'_> {
    fn take<R: BufRead>(&mut self, entry: &Entry, tar: &mut TarReader<R>) -> Result<(), ErrorKind> {
        let path = entry.root_path()?;
        if path.is_root() {
            return Ok(());
        }
        if path.components().count() > MAX_DEPTH {
            return Err(ErrorKind::TooDeep(path));
        }
        let draft = match entry.kind {
            EntryKind::Directory => Draft::Folder { mode: entry.mode & 0o1777 },
            EntryKind::File if entry.sparse.is_some() => return Err(ErrorKind::Sparse(path)),
            EntryKind::File => self.file(entry, tar)?,
            EntryKind::Symlink => Draft::Symlink(link_target(entry, &path)?),
            EntryKind::HardLink => self.hard_link(entry, &path)?,
            EntryKind::CharDevice => return Err(special(path, "character device")),
            EntryKind::BlockDevice => return Err(special(path, "block device")),
            EntryKind::Fifo => return Err(special(path, "named pipe")),
        };
        if entry.mode & SET_ID != 0 && entry.kind != EntryKind::Symlink {
            self.without_set_id.push(path.clone());
        }
        self.put(path, draft)
    }

    fn file<R: BufRead>(
        &mut self,
        entry: &Entry,
        tar: &mut TarReader<R>,
    ) -> Result<Draft, ErrorKind> {
        let offset = self.spool.length();
        let mut data = tar.data();
        loop {
            let bytes = data.fill_buf().map_err(|error| broken_io(self.member, error))?;
            let taken = bytes.len();
            if taken == 0 {
                break;
            }
            self.spool.write(bytes).map_err(ErrorKind::Scratch)?;
            data.consume(taken);
        }
        Ok(Draft::File { mode: entry.mode & 0o777, offset, size: entry.size })
    }

    /// A file of the same bytes: in an image both names may end up in different layers.
    fn hard_link(&self, entry: &Entry, path: &RootPath) -> Result<Draft, ErrorKind> {
        let target = RootPath::parse(&entry.link_target)?;
        match self.places.get(&target).map(|place| &self.drafts[*place].1) {
            Some(Draft::File { mode, offset, size }) => {
                Ok(Draft::File { mode: *mode, offset: *offset, size: *size })
            }
            Some(Draft::Symlink(target)) => Ok(Draft::Symlink(target.clone())),
            Some(Draft::Folder { .. }) | None => Err(ErrorKind::HardLink {
                path: path.clone(),
                target: display_path(&entry.link_target),
            }),
        }
    }

    /// A folder may be named twice, as dpkg allows; the later mode counts.
    fn put(&mut self, path: RootPath, draft: Draft) -> Result<(), ErrorKind> {
        if let Some(place) = self.places.get(&path) {
            return match (&mut self.drafts[*place].1, draft) {
                (Draft::Folder { mode }, Draft::Folder { mode: newer }) => {
                    *mode = newer;
                    Ok(())
                }
                _ => Err(ErrorKind::Clash(path)),
            };
        }
        self.places.insert(path.clone(), self.drafts.len());
        self.drafts.push((path, draft));
        Ok(())
    }

    fn finish(self) -> Result<Data, ErrorKind> {
        for (path, _) in &self.drafts {
            for above in path.ancestors() {
                let Some(place) = self.places.get(&above) else { continue };
                if !matches!(self.drafts[*place].1, Draft::Folder { .. }) {
                    return Err(ErrorKind::Below { path: path.clone(), above });
                }
                break;
            }
        }
        let spool = self.spool.finish().map_err(ErrorKind::Scratch)?;
        let items = self.drafts.into_iter().map(|(path, draft)| {
            let kind = match draft {
                Draft::Folder { mode } => ItemKind::Folder { mode },
                Draft::Symlink(target) => ItemKind::Symlink(target),
                Draft::File { mode, offset, size } => {
                    ItemKind::File { mode, content: spool.stretch(offset, size) }
                }
            };
            Item { path, kind }
        });
        Ok(Data { items: items.collect(), without_set_id: self.without_set_id })
    }
}

/// A link may point anywhere: nothing here follows it, and inside an image it stays inside.
fn link_target(entry: &Entry, path: &RootPath) -> Result<Vec<u8>, ErrorKind> {
    let target = &entry.link_target;
    if target.is_empty() || target.contains(&0) || target.len() > MAX_PATH_BYTES {
        return Err(ErrorKind::LinkTarget(path.clone()));
    }
    Ok(target.clone())
}

fn special(path: RootPath, kind: &'static str) -> ErrorKind {
    ErrorKind::Special { path, kind }
}

/// An error of the tar reader, told from a stream that unpacks to too much.
pub(super) fn broken(member: &str, source: TarError) -> ErrorKind {
    match source.kind {
        TarErrorKind::Io(error) => broken_io(member, error),
        kind => ErrorKind::Tar { member: member.to_owned(), source: TarError { kind, ..source } },
    }
}

/// The same for the stream's own errors.
pub(super) fn broken_io(member: &str, error: io::Error) -> ErrorKind {
    let member = member.to_owned();
    if let Some(TooMuch(limit)) = error.get_ref().and_then(|e| e.downcast_ref::<TooMuch>()) {
        return ErrorKind::TooLarge { member, limit: *limit };
    }
    ErrorKind::Decompress { member, source: error }
}
