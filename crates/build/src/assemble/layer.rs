//! Writing layers, several at once, each once.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use lightship_base::{
    ByteSize, DiffId, Digest, HashingReader, HashingWriter, Progress, Sha256, Transfer,
    TransferOutcome, Watched,
};
use lightship_cas::{BlobWriter, Lease, RefKind, RefValue};
use lightship_codec::compression::{CompressionLevel, encoder};
use lightship_codec::tar::{Entry, EntryKind, Mtime, RootPath, TarWriteError, TarWriter};
use lightship_packages::parcel::{Content, Item, ItemKind, PackageId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Bundle, Error, Existing, Group, Stage, WrittenFile, key};

/// Layers by their keys.
pub const LAYERS: RefKind = RefKind::new("layers");

/// A layer that is in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Layer {
    /// For people.
    pub title: String,
    /// Which part of the image it is.
    pub stage: Stage,
    /// What is in it.
    pub packages: Vec<PackageId>,
    /// Of its compressed bytes.
    pub digest: Digest,
    /// Compressed bytes.
    pub size: ByteSize,
    /// Of its tar.
    pub diff_id: DiffId,
    /// Bytes of its files.
    pub content: ByteSize,
    /// How many files it has.
    pub files: u64,
    /// How it came about.
    pub origin: Origin,
}

/// How a layer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Just now.
    Made,
    /// By an earlier build.
    Kept,
}

/// What is remembered of a layer beside its bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    diff_id: DiffId,
    size: u64,
    content: u64,
    files: u64,
}

/// Makes layers.
pub struct Layers<'a> {
    /// Holds them until an image names them.
    pub lease: &'a Lease,
    /// How they are compressed.
    pub compression: CompressionLevel,
    /// The time that everything in them carries, in seconds after 1970.
    pub time: i64,
}

impl Layers<'_> {
    /// Makes those that were not made before, several at once.
    pub fn make(&self, groups: &[Group], progress: &dyn Progress) -> Result<Vec<Layer>, Error> {
        self.make_onto(&Existing::default(), groups, progress)
    }

    /// The same for layers that go onto others: folders that are there keep their owners and modes.
    pub fn make_onto(
        &self,
        existing: &Existing,
        groups: &[Group],
        progress: &dyn Progress,
    ) -> Result<Vec<Layer>, Error> {
        groups.par_iter().map(|group| self.one(existing, group, progress)).collect()
    }

    fn one(
        &self,
        existing: &Existing,
        group: &Group,
        progress: &dyn Progress,
    ) -> Result<Layer, Error> {
        let key = key::onto(existing, group, self.compression)?;
        let name = format!("{}-{}", key.hex(), self.time);
        if let Some(known) = self.known(group, &name)? {
            return Ok(known);
        }
        let written = self.write(existing, group, progress)?;
        let data = Remembered {
            diff_id: written.diff_id,
            size: written.size.0,
            content: written.content.0,
            files: written.files,
        };
        let data = serde_json::to_value(data).expect("numbers and digests are JSON");
        let value = RefValue { roots: vec![written.digest], data };
        let stored = self.lease.cas().set_ref(LAYERS, &name, &value);
        stored.map_err(|source| Error::Store { title: group.title.clone(), source })?;
        Ok(written)
    }

    /// A layer that an earlier build made, if all of it is still there.
    fn known(&self, group: &Group, name: &str) -> Result<Option<Layer>, Error> {
        let store = |source| Error::Store { title: group.title.clone(), source };
        let Some(value) = self.lease.pin(LAYERS, name).map_err(store)? else { return Ok(None) };
        let (Some(digest), Ok(data)) =
            (value.roots.first(), serde_json::from_value::<Remembered>(value.data))
        else {
            return Ok(None);
        };
        if self.lease.cas().size(digest).map_err(store)? != Some(data.size) {
            return Ok(None);
        }
        Ok(Some(Layer {
            title: group.title.clone(),
            stage: group.stage,
            packages: group.packages().cloned().collect(),
            digest: *digest,
            size: ByteSize(data.size),
            diff_id: data.diff_id,
            content: ByteSize(data.content),
            files: data.files,
            origin: Origin::Kept,
        }))
    }

    fn write(
        &self,
        existing: &Existing,
        group: &Group,
        progress: &dyn Progress,
    ) -> Result<Layer, Error> {
        let title = &group.title;
        let store = |source| Error::Store { title: title.clone(), source };
        let failed = |source| Error::Write { title: title.clone(), source };
        let total = group.bundles.iter().flat_map(|b| &b.parcel.items).map(Item::size).sum();
        let what = format!("layer {title}");
        let watched =
            Watched::begin(progress, Transfer { what, digest: None, total: Some(ByteSize(total)) });
        let sink = Sink(self.lease.writer().map_err(store)?);
        // One thread beside this one: layers are made in parallel already.
        let compressor = encoder(sink, self.compression, 1).map_err(failed)?;
        let mut output = Output {
            tar: TarWriter::new(HashingWriter::new(compressor)),
            title,
            existing,
            time: self.time,
            content: 0,
            files: 0,
            watched: &watched,
        };
        output.group(group)?;
        let Output { tar, content, files, .. } = output;
        let hashed = tar.finish().map_err(|error| unwritable(error, title))?;
        let (diff_id, _, compressor) = hashed.finish();
        let Sink(writer) = compressor.finish().map_err(failed)?;
        let stored = writer.commit(None, None).map_err(store)?;
        watched.end(TransferOutcome::Done);
        Ok(Layer {
            title: title.clone(),
            stage: group.stage,
            packages: group.packages().cloned().collect(),
            digest: stored.digest,
            size: ByteSize(stored.size),
            diff_id: DiffId(diff_id),
            content: ByteSize(content),
            files,
            origin: Origin::Made,
        })
    }
}

/// The store as a sink of bytes.
struct Sink(BlobWriter);

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.append(buffer).map_err(io::Error::other)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Output<'a, W: Write> {
    tar: TarWriter<W>,
    title: &'a str,
    existing: &'a Existing,
    time: i64,
    content: u64,
    files: u64,
    watched: &'a Watched<'a>,
}

impl<W: Write> Output<'_, W> {
    /// Folders first, each once, then the parcels one after another: equal files of one package are near
    /// each other, which compressors like.
    fn group(&mut self, group: &Group) -> Result<(), Error> {
        for (path, mode) in folders(group)? {
            let entry = self.entry(&path, EntryKind::Directory);
            let entry = match self.existing.get(&path) {
                Some(there) => Entry { mode: there.mode, uid: there.uid, gid: there.gid, ..entry },
                None => Entry { mode, ..entry },
            };
            self.append(&entry, &mut io::empty())?;
        }
        group.bundles.iter().try_for_each(|bundle| self.bundle(bundle))
    }

    fn bundle(&mut self, bundle: &Bundle) -> Result<(), Error> {
        let mut items: Vec<&Item> = bundle.parcel.items.iter().collect();
        match bundle.stage {
            // Files of one kind and about one size resemble each other most; a compressor that meets
            // them together makes large packages a percent smaller.
            Stage::Packages => items.sort_by_cached_key(|item| {
                (extension(&item.path).to_vec(), item.size(), item.path.clone())
            }),
            Stage::Base
            | Stage::Replaced
            | Stage::System
            | Stage::Made
            | Stage::Bytecode
            | Stage::Project => {
                items.sort_by(|a, b| a.path.cmp(&b.path));
            }
        }
        let mut written = Vec::new();
        for item in items {
            match &item.kind {
                ItemKind::Folder { .. } => {}
                ItemKind::Symlink(target) => {
                    let link_target = target.clone();
                    let entry = self.entry(&item.path, EntryKind::Symlink);
                    self.append(&Entry { mode: 0o777, link_target, ..entry }, &mut io::empty())?;
                }
                ItemKind::File { mode, content } => {
                    let file = self.file(&item.path, *mode, content, &bundle.parcel.package)?;
                    written.push(file);
                }
            }
        }
        let Some(last) = &bundle.last else { return Ok(()) };
        written.extend_from_slice(&bundle.shared);
        let bytes = Content::bytes(last.make(&written));
        self.file(last.path(), 0o644, &bytes, &bundle.parcel.package).map(drop)
    }

    fn file(
        &mut self,
        path: &RootPath,
        mode: u32,
        content: &Content,
        package: &PackageId,
    ) -> Result<WrittenFile, Error> {
        let unreadable = |source| Error::Content {
            path: path.to_string(),
            package: format!("{} {}", package.name, package.version),
            source,
        };
        let size = content.size();
        let entry = self.entry(path, EntryKind::File);
        let entry = Entry { mode, size, real_size: size, ..entry };
        let mut reader = HashingReader::new(content.open().map_err(unreadable)?);
        match self.tar.append(&entry, &mut reader) {
            Ok(()) => {}
            Err(TarWriteError::Content { source, .. }) => return Err(unreadable(source)),
            Err(error) => return Err(unwritable(error, self.title)),
        }
        self.content += size;
        self.files += 1;
        self.watched.advance(size);
        let (digest, _, _) = reader.finish();
        Ok(WrittenFile { path: path.clone(), digest, size })
    }

    fn entry(&self, path: &RootPath, kind: EntryKind) -> Entry {
        let mtime = Mtime { secs: self.time, nanos: 0 };
        Entry { mtime, ..Entry::new(path.as_bytes(), kind) }
    }

    fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), Error> {
        self.tar.append(entry, content).map_err(|error| unwritable(error, self.title))
    }
}

/// Every folder of a layer, those above its items included. Where nobody says otherwise a folder is open
/// to readers; so layers that share a folder agree about it. Refuses names that two packages bring.
pub(super) fn folders(group: &Group) -> Result<BTreeMap<RootPath, u32>, Error> {
    let mut folders = BTreeMap::new();
    let mut owners: BTreeMap<&RootPath, &Bundle> = BTreeMap::new();
    for bundle in &group.bundles {
        for item in &bundle.parcel.items {
            for above in item.path.ancestors().filter(|path| !path.is_root()) {
                folders.entry(above).or_insert(0o755);
            }
            match &item.kind {
                ItemKind::Folder { mode } => {
                    folders.insert(item.path.clone(), *mode);
                }
                ItemKind::File { .. } | ItemKind::Symlink(_) => {
                    if let Some(other) = owners.insert(&item.path, bundle) {
                        return Err(clash(&item.path, other, bundle));
                    }
                }
            }
        }
    }
    Ok(folders)
}

/// What follows the last dot of a name; of libraries with versions behind it, `so`.
fn extension(path: &RootPath) -> &[u8] {
    let name = path.file_name().unwrap_or_default();
    if memchr::memmem::find(name, b".so.").is_some() {
        return b"so";
    }
    name.iter().rposition(|byte| *byte == b'.').map_or(&[], |dot| &name[dot + 1..])
}

fn clash(path: &RootPath, first: &Bundle, second: &Bundle) -> Error {
    let name = |bundle: &Bundle| bundle.parcel.package.name.clone();
    Error::Clash { path: path.to_string(), first: name(first), second: name(second) }
}

fn unwritable(error: TarWriteError, title: &str) -> Error {
    let title = title.to_owned();
    match error {
        TarWriteError::Write { source, .. } | TarWriteError::Content { source, .. } => {
            Error::Write { title, source }
        }
        other => Error::Write { title, source: io::Error::new(io::ErrorKind::InvalidData, other) },
    }
}

/// The digest of a content.
pub(super) fn digest(content: &Content) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut reader = content.open()?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
