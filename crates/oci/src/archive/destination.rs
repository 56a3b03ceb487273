//! Writing an archive: blobs wait in a nameless file until all are there, then the archive is written
//! in a fixed order, so that the same image gives the same bytes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lightship_base::{Digest, TransferOutcome};

use super::Scratch;
use crate::layout::{
    BLOBS, INDEX_FILE, LAYOUT_BYTES, LAYOUT_FILE, blob_path, check_ref_name, empty_index, enlist,
    enlist_referrers, to_json,
};
use crate::spec::Descriptor;
use crate::staging::{Section, Spool, Staged, sweep, sync_folder};
use crate::tar::{Entry, EntryKind, TarWriteError, TarWriter};
use crate::{Destination, Error, OpenBlob, artifact, verified};

/// Writes an image to an `oci-archive`: a tar of a layout that holds this image alone. What was in
/// the file before is replaced once the image is complete.
#[derive(Debug)]
pub struct OciArchiveDestination {
    target: Target,
    blobs: Blobs,
    tag: Option<String>,
    /// As the index will list them.
    referrers: Mutex<Vec<Descriptor>>,
}

impl OciArchiveDestination {
    /// Prepares to write to `file`. Without a tag the image has no name.
    pub fn create(file: &Path, tag: Option<&str>, scratch: &Scratch) -> Result<Self, Error> {
        if let Some(tag) = tag {
            check_ref_name(tag)?;
        }
        let target = Target::new(file)?;
        let blobs = Blobs::create(&scratch.folder)?;
        Ok(Self { target, blobs, tag: tag.map(str::to_owned), referrers: Mutex::default() })
    }
}

impl Destination for OciArchiveDestination {
    fn name(&self) -> String {
        let file = self.target.file.display();
        match &self.tag {
            Some(tag) => format!("oci-archive:{file}:{tag}"),
            None => format!("oci-archive:{file}"),
        }
    }

    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        self.blobs.put(descriptor, open, advance)
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.blobs.put_bytes(descriptor, bytes)
    }

    fn put_referrer(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.put_manifest(descriptor, bytes)?;
        let entry = artifact::entry(descriptor, bytes)?;
        self.referrers.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(())
    }

    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error> {
        self.blobs.put_bytes(root, root_bytes)?;
        let mut index = empty_index();
        enlist(&mut index, root, self.tag.as_deref());
        let referrers = self.referrers.lock().unwrap_or_else(PoisonError::into_inner);
        enlist_referrers(&mut index, &referrers);
        let documents = [(LAYOUT_FILE, LAYOUT_BYTES.to_vec()), (INDEX_FILE, to_json(&index))];
        self.target.write(&documents, &self.blobs)
    }
}

/// The blobs that go into an archive.
#[derive(Debug)]
pub(super) struct Blobs {
    spool: Spool,
    /// Where each is, and how large.
    places: Mutex<BTreeMap<Digest, (u64, u64)>>,
}

impl Blobs {
    pub(super) fn create(folder: &Path) -> Result<Self, Error> {
        Ok(Self { spool: Spool::create(folder)?, places: Mutex::default() })
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<Digest, (u64, u64)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(
        &self,
        descriptor: &Descriptor,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        if self.places().contains_key(&descriptor.digest) {
            return Ok(TransferOutcome::AlreadyThere);
        }
        let start = self.spool.reserve(descriptor.size)?;
        let mut at = start;
        verified::stream(descriptor, open, advance, &mut |bytes| {
            self.spool.write_at(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        })?;
        self.places().insert(descriptor.digest, (start, descriptor.size));
        Ok(TransferOutcome::Done)
    }

    pub(super) fn put_bytes(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        verified::check(descriptor, bytes, &verified::blob_name(descriptor))?;
        if self.places().contains_key(&descriptor.digest) {
            return Ok(());
        }
        let start = self.spool.reserve(descriptor.size)?;
        self.spool.write_at(bytes, start)?;
        self.places().insert(descriptor.digest, (start, descriptor.size));
        Ok(())
    }

    /// A blob that was put.
    pub(super) fn section(&self, digest: &Digest) -> Option<Section> {
        let (start, size) = *self.places().get(digest)?;
        Some(self.spool.section(start, size))
    }
}

/// The file that an archive is written to.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was named.
    pub(super) file: PathBuf,
    kind: TargetKind,
}

#[derive(Debug)]
enum TargetKind {
    /// Written aside and then renamed; links in its path are resolved.
    Regular { folder: PathBuf, path: PathBuf },
    /// A pipe or device: written as it is, and never replaced.
    Stream,
}

impl Target {
    pub(super) fn new(file: &Path) -> Result<Self, Error> {
        let kind = match fs::metadata(file) {
            Ok(found) if found.is_dir() => {
                return Err(Error::Unsupported {
                    what: file.display().to_string(),
                    reason: "it is a folder, and an archive is a file".to_owned(),
                    hint: Some(format!("for an image layout in a folder: oci:{}", file.display())),
                });
            }
            Ok(found) if !found.is_file() => TargetKind::Stream,
            Ok(_) => regular(fs::canonicalize(file).map_err(Error::io("open", file))?),
            Err(_) => regular(file.to_owned()),
        };
        Ok(Self { file: file.to_owned(), kind })
    }

    /// Writes the whole archive: documents first, so that whoever reads it as a stream meets them
    /// before the layers; then blobs in the order of their digests.
    pub(super) fn write(&self, documents: &[(&str, Vec<u8>)], blobs: &Blobs) -> Result<(), Error> {
        match &self.kind {
            TargetKind::Stream => {
                let open = OpenOptions::new().write(true).open(&self.file);
                let file = open.map_err(Error::io("open", &self.file))?;
                self.write_to(&file, documents, blobs)
            }
            TargetKind::Regular { folder, path } => {
                sweep(folder);
                let staged = Staged::create(folder)?;
                self.write_to(staged.file(), documents, blobs)?;
                staged.publish(path)?;
                sync_folder(folder)
            }
        }
    }

    fn write_to(
        &self,
        file: &File,
        documents: &[(&str, Vec<u8>)],
        blobs: &Blobs,
    ) -> Result<(), Error> {
        // Larger than a header, smaller than the copy buffer: payload passes straight through.
        let archive = TarWriter::new(BufWriter::with_capacity(64 * 1024, file));
        write_archive(archive, documents, blobs).map_err(|source| Error::Io {
            action: "write",
            path: self.file.clone(),
            source: source.into(),
        })
    }
}

fn regular(path: PathBuf) -> TargetKind {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    TargetKind::Regular { folder, path }
}

fn write_archive<W: Write>(
    mut archive: TarWriter<W>,
    documents: &[(&str, Vec<u8>)],
    blobs: &Blobs,
) -> Result<(), TarWriteError> {
    for (name, bytes) in documents {
        append_file(&mut archive, name, bytes.len() as u64, &mut &bytes[..])?;
    }
    for folder in ["blobs/".to_owned(), format!("{BLOBS}/")] {
        let entry = Entry { mode: 0o755, ..Entry::new(folder, EntryKind::Directory) };
        archive.append(&entry, &mut std::io::empty())?;
    }
    for (digest, (start, size)) in &*blobs.places() {
        let mut content = blobs.spool.section(*start, *size);
        append_file(&mut archive, &blob_path(digest), *size, &mut content)?;
    }
    archive.finish().map(drop)
}

fn append_file<W: Write>(
    archive: &mut TarWriter<W>,
    name: &str,
    size: u64,
    content: &mut dyn Read,
) -> Result<(), TarWriteError> {
    let entry = Entry { mode: 0o644, size, real_size: size, ..Entry::new(name, EntryKind::File) };
    archive.append(&entry, content)
}
