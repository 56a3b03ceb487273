//! Byte code that is kept in the store: per package and set of its modules one blob, the files one after
//! another, and a note of their sizes.

use std::io::{self, Read, Seek as _, SeekFrom};

use lightship_base::{Digest, HashingReader, Key};
use lightship_cas::{Cas, Lease, RefKind, RefValue};
use lightship_packages::parcel::{Content, ContentSource, made_of};
use serde::{Deserialize, Serialize};

use super::compiler::{Compiled, Reason, Source};
use super::lane::SCRIPT;

/// Keeps byte code in the store.
pub const BYTECODE: RefKind = RefKind::new("bytecode");

/// Changes whenever what is kept is kept differently.
const RULES: u32 = 3;

/// What is remembered of a package's byte code beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// What stands in the names of byte code.
    tag: String,
    /// For each source, in the order of the key.
    files: Vec<NotedFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NotedFile {
    /// So many bytes.
    Code(u64),
    Not(Reason),
}

/// A package's byte code, in the store.
#[derive(Debug)]
pub(super) struct Kept {
    /// What stands in the names of byte code.
    pub(super) tag: String,
    /// Of all its bytes.
    pub(super) digest: Digest,
    /// For each source, in their order.
    pub(super) files: Vec<Result<Content, Reason>>,
}

/// What byte code follows from. `package` is the digest of the package's file; without one the sources
/// themselves are hashed.
pub(super) fn key(
    interpreter: &Digest,
    package: Option<&Digest>,
    sources: &[Source],
) -> io::Result<Digest> {
    let mut key = Key::of("byte code").with(SCRIPT).with(interpreter.to_string());
    key.number(RULES);
    key.add(package.map(Digest::to_string).unwrap_or_default());
    for source in sources {
        key.add(source.path.as_bytes());
        key.number(source.content.size());
        if package.is_none() {
            let mut reader = HashingReader::new(source.content.open()?);
            io::copy(&mut reader, &mut io::sink())?;
            let (digest, _, _) = reader.finish();
            key.add(digest.to_string());
        }
    }
    Ok(key.finish())
}

/// What an earlier build kept, if all of it is there.
pub(super) fn find(
    lease: &Lease,
    name: &str,
    count: usize,
) -> Result<Option<Kept>, lightship_cas::Error> {
    let Some(value) = lease.pin(BYTECODE, name)? else { return Ok(None) };
    let (Some(digest), Ok(note)) =
        (value.roots.first(), serde_json::from_value::<Note>(value.data))
    else {
        return Ok(None);
    };
    let sizes = note.files.iter().map(|file| match file {
        NotedFile::Code(size) => *size,
        NotedFile::Not(_) => 0,
    });
    let total = sizes.fold(0, u64::saturating_add);
    if note.files.len() != count || lease.cas().size(digest)? != Some(total) {
        return Ok(None);
    }
    Ok(Some(kept(lease, note, *digest)))
}

/// Puts a package's byte code into the store. It is found again unless a file failed: it may not the next
/// time.
pub(super) fn keep(
    lease: &Lease,
    name: &str,
    tag: &str,
    compiled: &[Compiled],
) -> Result<Kept, lightship_cas::Error> {
    let mut writer = lease.writer()?;
    let mut files = Vec::with_capacity(compiled.len());
    for one in compiled {
        files.push(match one {
            Compiled::Code(code) => {
                writer.append(code)?;
                NotedFile::Code(code.len() as u64)
            }
            Compiled::Not(reason) => NotedFile::Not(*reason),
        });
    }
    let digest = writer.commit(None, None)?.digest;
    let note = Note { tag: tag.to_owned(), files };
    if !note.files.contains(&NotedFile::Not(Reason::Failed)) {
        let data = serde_json::to_value(&note).expect("texts and numbers are JSON");
        lease.cas().set_ref(BYTECODE, name, &RefValue { roots: vec![digest], data })?;
    }
    Ok(kept(lease, note, digest))
}

fn kept(lease: &Lease, note: Note, digest: Digest) -> Kept {
    let mut offset = 0;
    let files = note.files.into_iter().map(|file| match file {
        NotedFile::Code(size) => {
            let piece = Piece { cas: lease.cas(), digest, offset, size };
            offset += size;
            Ok(Content::new(piece))
        }
        NotedFile::Not(reason) => Err(reason),
    });
    let files = files.collect();
    Kept { tag: note.tag, digest, files }
}

/// A part of a blob.
struct Piece {
    cas: Cas,
    digest: Digest,
    offset: u64,
    size: u64,
}

impl ContentSource for Piece {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut blob = self.cas.open_blob(&self.digest).map_err(io::Error::other)?;
        blob.seek(SeekFrom::Start(self.offset))?;
        Ok(Box::new(blob.take(self.size)))
    }

    fn identity(&self) -> Option<Digest> {
        let (whole, offset) = (self.digest.to_string(), self.offset.to_le_bytes());
        Some(made_of("piece", &[whole.as_bytes(), &offset, &self.size.to_le_bytes()]))
    }
}
