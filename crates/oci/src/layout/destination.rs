//! Writing images to a layout in a folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lightship_base::{Digest, TransferOutcome};
use serde_json::Map;

use super::select::{is_nameless, is_referrer};
use super::source::{Folder, read_index};
use super::{
    BLOBS, INDEX_FILE, LAYOUT_BYTES, LAYOUT_FILE, REF_NAME, blob_path, check_version, read_small,
};
use crate::spec::{Descriptor, Flavour, Index, MAX_MANIFEST_BYTES, ManifestKind, MediaType};
use crate::staging::{Staged, is_staged_name, sweep, sync_folder, write_whole};
use crate::{Destination, Error, OpenBlob, artifact, verified};

/// Adds an image to a layout in a folder, making the folder if need be. Other images stay as they
/// are; one of the same tag is replaced (its blobs stay, for others may share them).
///
/// Several processes may add to one layout at once. Killed at any moment, they leave complete blobs
/// and the index as it was; half-written files are removed by whoever comes next.
#[derive(Debug)]
pub struct LayoutDestination {
    dir: PathBuf,
    tag: Option<String>,
    /// Whether the folders are there. Nothing is created before the first blob arrives.
    prepared: Mutex<bool>,
    /// As the index will list them.
    referrers: Mutex<Vec<Descriptor>>,
}

impl LayoutDestination {
    /// Prepares to write to `dir`: a layout, an empty folder, or nothing yet. Without a tag the image
    /// takes the place of the one that has none.
    pub fn create(dir: &Path, tag: Option<&str>) -> Result<Self, Error> {
        if let Some(tag) = tag {
            check_ref_name(tag)?;
        }
        let place = format!("oci:{}", dir.display());
        match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("open", dir)(error)),
            Ok(mut entries) => {
                let files = Folder(dir.to_owned());
                if dir.join(LAYOUT_FILE).exists() {
                    check_version(&files, &place)?;
                } else if entries
                    .any(|entry| entry.is_ok_and(|entry| is_strange(&entry.file_name())))
                {
                    return Err(Error::Unsupported {
                        what: place,
                        reason: "the folder is not empty, and is no image layout".to_owned(),
                        hint: Some("name a new or empty folder".to_owned()),
                    });
                }
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            tag: tag.map(str::to_owned),
            prepared: Mutex::new(false),
            referrers: Mutex::default(),
        })
    }

    /// The mark that this is a layout comes last of what is prepared, so that somebody else may meet, or
    /// inherit from a killed process, a folder that has the rest.
    fn prepare(&self) -> Result<(), Error> {
        let mut prepared = self.prepared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !*prepared {
            let blobs = self.dir.join(BLOBS);
            fs::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
            if !self.dir.join(LAYOUT_FILE).exists() {
                write_whole(&self.dir, LAYOUT_FILE, LAYOUT_BYTES)?;
            }
            sweep(&self.dir);
            *prepared = true;
        }
        Ok(())
    }

    fn blob_file(&self, digest: &Digest) -> PathBuf {
        self.dir.join(blob_path(digest))
    }

    /// A blob of the right size is taken for the right blob. We rename blobs only once they are verified;
    /// one that another program left half written, or that a descriptor lies about, has another size and is
    /// fetched again. Reading all that is there would cost more than copying it: `validate` does.
    fn has(&self, descriptor: &Descriptor) -> bool {
        fs::metadata(self.blob_file(&descriptor.digest))
            .is_ok_and(|found| found.is_file() && found.len() == descriptor.size)
    }

    fn referrers(&self) -> MutexGuard<'_, Vec<Descriptor>> {
        self.referrers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What belonged to an image goes from the index with it: a folder that is built into every day
    /// would else list a bill of materials for each day.
    fn forget_referrers_of(&self, replaced: &[Digest], index: &mut Index, files: &Folder) {
        let read = |digest: &Digest| {
            let path = blob_path(digest);
            read_small(files, &path, MAX_MANIFEST_BYTES, &self.name()).ok().flatten()
        };
        let is_gone = |digest: &&Digest| !index.manifests.iter().any(|one| one.digest == **digest);
        let mut gone: BTreeSet<Digest> = replaced.iter().filter(is_gone).copied().collect();
        for root in gone.clone() {
            // What went was perhaps an index, and what belonged to its images goes, too.
            if let Some(Ok(ManifestKind::Index(below))) =
                read(&root).map(|bytes| ManifestKind::parse(&bytes))
            {
                gone.extend(below.manifests.iter().map(|one| one.digest));
            }
        }
        if gone.is_empty() {
            return;
        }
        index.manifests.retain(|one| {
            let subject = || read(&one.digest).and_then(|bytes| artifact::subject(&bytes));
            !is_referrer(one) || subject().is_none_or(|subject| !gone.contains(&subject))
        });
    }

    /// Puts the image into the index, under a lock on the folder: others may be doing the same.
    fn enlist(&self, root: &Descriptor) -> Result<(), Error> {
        let lock = File::open(&self.dir).map_err(Error::io("open", &self.dir))?;
        lock.lock().map_err(Error::io("lock", &self.dir))?;
        let files = Folder(self.dir.clone());
        let mut index = if self.dir.join(INDEX_FILE).exists() {
            read_index(&files, &self.name())?.0
        } else {
            empty_index()
        };
        let replaced = enlist(&mut index, root, self.tag.as_deref());
        self.forget_referrers_of(&replaced, &mut index, &files);
        enlist_referrers(&mut index, &self.referrers());
        let bytes = to_json(&index);
        write_whole(&self.dir, INDEX_FILE, &bytes)?;
        sync_folder(&self.dir)
    }
}

impl Destination for LayoutDestination {
    fn name(&self) -> String {
        let dir = self.dir.display();
        self.tag.as_ref().map_or_else(|| format!("oci:{dir}"), |tag| format!("oci:{dir}:{tag}"))
    }

    fn put_blob(
        &self,
        descriptor: &Descriptor,
        _origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        self.prepare()?;
        if self.has(descriptor) {
            return Ok(TransferOutcome::AlreadyThere);
        }
        let mut staged = Staged::create(&self.dir)?;
        verified::stream(descriptor, open, advance, &mut |bytes| staged.write(bytes))?;
        staged.publish(&self.blob_file(&descriptor.digest))?;
        Ok(TransferOutcome::Done)
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        verified::check(descriptor, bytes, &verified::blob_name(descriptor))?;
        self.prepare()?;
        if self.has(descriptor) {
            return Ok(());
        }
        let mut staged = Staged::create(&self.dir)?;
        staged.write(bytes)?;
        staged.publish(&self.blob_file(&descriptor.digest))
    }

    fn put_referrer(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.put_manifest(descriptor, bytes)?;
        self.referrers().push(artifact::entry(descriptor, bytes)?);
        Ok(())
    }

    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error> {
        self.put_manifest(root, root_bytes)?;
        sync_folder(&self.dir.join(BLOBS))?;
        self.enlist(root)
    }
}

/// Whether a folder with this in it is something else than a layout that somebody has just begun.
fn is_strange(name: &OsStr) -> bool {
    name != "blobs" && name != LAYOUT_FILE && !is_staged_name(name)
}

/// An index without images.
pub(crate) fn empty_index() -> Index {
    Index {
        schema_version: 2,
        media_type: Some(MediaType::Index(Flavour::Oci)),
        manifests: Vec::new(),
        annotations: std::collections::BTreeMap::new(),
        extra: Map::new(),
    }
}

/// Adds an image to an index in place of the one with its tag. Of the descriptor only type, digest and
/// size are taken: where an image came from must not show in what is written. Says whose place it took.
pub(crate) fn enlist(index: &mut Index, root: &Descriptor, tag: Option<&str>) -> Vec<Digest> {
    let mut entry = Descriptor::new(root.media_type.clone(), root.digest, root.size);
    if let Some(tag) = tag {
        entry.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
    }
    let is_same_name = |other: &Descriptor| match tag {
        Some(tag) => other.annotations.get(REF_NAME).is_some_and(|name| name == tag),
        None => is_nameless(other) && !is_referrer(other),
    };
    let replaced = index.manifests.extract_if(.., |other| is_same_name(other));
    let replaced = replaced.map(|other| other.digest).collect();
    index.manifests.push(entry);
    replaced
}

/// Adds what belongs to images to an index, each once, behind everything else.
pub(crate) fn enlist_referrers(index: &mut Index, referrers: &[Descriptor]) {
    index.manifests.retain(|one| !referrers.iter().any(|new| new.digest == one.digest));
    index.manifests.extend_from_slice(referrers);
}

/// An index as it is written.
pub(crate) fn to_json(index: &Index) -> Vec<u8> {
    serde_json::to_vec(index).expect("an index has string keys only")
}

/// *OCI image-spec 1.1, annotations.md, `org.opencontainers.image.ref.name`*, without its rules on
/// where separators may stand, which nobody keeps.
pub(crate) fn check_ref_name(tag: &str) -> Result<(), Error> {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:@/+".contains(&byte);
    if !tag.is_empty() && tag.len() <= 255 && tag.bytes().all(fine) {
        return Ok(());
    }
    Err(Error::invalid(
        format!("tag `{}`", crate::tar::display_path(tag.as_bytes())),
        "it may have up to 255 letters, digits and any of - . _ : @ / +",
    ))
}
