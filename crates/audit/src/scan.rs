//! One pass over a layer that notes everything later rooms want to know about its files.

use std::collections::HashMap;
use std::io::{self, BufRead};

use lightship_base::Progress;
use lightship_oci::layer::Layer;
use lightship_oci::rootfs::{IndexEntry, LayerIndex, LayerVisitor, index_watched};
use lightship_packages::elf::{ElfFacts, ElfProbe};
use lightship_packages::{Want, wanted};

use crate::secrets::{self, SecretKind};

/// A layer, indexed, with the facts about its files.
#[derive(Debug)]
pub struct ScannedLayer {
    /// Entries and identity.
    pub index: LayerIndex,
    /// Facts by entry number; other entries than files have none.
    pub files: Vec<FileFacts>,
    /// Contents that inventories asked for, by entry number.
    pub contents: HashMap<u32, Vec<u8>>,
    /// ELF files, by entry number.
    pub elf: HashMap<u32, ElfFacts>,
    /// Files that look like a secret by their content, by entry number.
    pub secrets: HashMap<u32, SecretKind>,
}

impl AsRef<LayerIndex> for ScannedLayer {
    fn as_ref(&self) -> &LayerIndex {
        &self.index
    }
}

/// What is known of every file.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileFacts {
    /// Equal for equal contents only: BLAKE3, which costs a fraction of a second SHA-256.
    pub content: ContentId,
    /// Compressed bytes that this content took in its layer: an estimate.
    pub compressed: u64,
}

/// The identity of a content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId([u8; 32]);

/// Reads a layer once.
pub(crate) fn scan(
    layer: &Layer,
    progress: &dyn Progress,
) -> Result<ScannedLayer, lightship_oci::Error> {
    let mut scanner = Scanner {
        files: Vec::new(),
        contents: HashMap::new(),
        elf: HashMap::new(),
        secrets: HashMap::new(),
        hasher: blake3::Hasher::new(),
        kept_bytes: 0,
    };
    let what = format!("layer {}", layer.position() + 1);
    let index = index_watched(layer, &mut scanner, what, progress)?;
    let Scanner { mut files, contents, elf, secrets, .. } = scanner;
    files.resize(index.entries.len(), FileFacts::default());
    Ok(ScannedLayer { index, files, contents, elf, secrets })
}

struct Scanner {
    files: Vec<FileFacts>,
    contents: HashMap<u32, Vec<u8>>,
    elf: HashMap<u32, ElfFacts>,
    secrets: HashMap<u32, SecretKind>,
    hasher: blake3::Hasher,
    kept_bytes: usize,
}

/// What inventories may keep of one layer's contents, in bytes: ten times what the largest images need
/// (the lists of 4,000 packages are 6 MB), and little enough for many layers at once.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

impl LayerVisitor for Scanner {
    fn file(
        &mut self,
        number: usize,
        entry: &IndexEntry,
        content: &mut dyn BufRead,
    ) -> io::Result<()> {
        let key = u32::try_from(number).map_err(io::Error::other)?;
        let size = entry.stored_bytes();
        let room = MAX_KEPT_BYTES - self.kept_bytes;
        let mut look = Look::at(entry, wanted(entry.path.as_bytes(), size), room);
        self.hasher.reset();
        loop {
            let chunk = content.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            self.hasher.update(chunk);
            look.feed(chunk);
            let taken = chunk.len();
            content.consume(taken);
        }
        self.files.resize(number + 1, FileFacts::default());
        self.files[number].content = ContentId(*self.hasher.finalize().as_bytes());
        if let Some(secret) = secrets::in_content(&look.head) {
            self.secrets.insert(key, secret);
        }
        if let Some(kept) = look.kept {
            self.kept_bytes += kept.len();
            self.contents.insert(key, kept);
        }
        if let Some(facts) = look.probe.and_then(ElfProbe::finish) {
            self.elf.insert(key, facts);
        }
        Ok(())
    }

    fn compressed(&mut self, number: usize, bytes: u64) {
        self.files[number].compressed = bytes;
    }
}

/// What is kept of one file while it passes.
struct Look {
    /// Its first bytes: enough to recognise a key.
    head: Vec<u8>,
    kept: Option<Vec<u8>>,
    limit: usize,
    probe: Option<ElfProbe>,
}

impl Look {
    fn at(entry: &IndexEntry, want: Want, room: usize) -> Self {
        let probe = matches!(want, Want::ElfProbe).then(|| ElfProbe::new(entry.stored_bytes()));
        let limit = match want {
            Want::Content { at_most } => usize::try_from(at_most).unwrap_or(usize::MAX).min(room),
            Want::Nothing | Want::ElfProbe => 0,
        };
        Self { head: Vec::new(), kept: (limit > 0).then(Vec::new), limit, probe }
    }

    fn feed(&mut self, chunk: &[u8]) {
        take(&mut self.head, chunk, secrets::HEAD_BYTES);
        if let Some(kept) = &mut self.kept {
            take(kept, chunk, self.limit);
        }
        if let Some(probe) = &mut self.probe {
            probe.feed(chunk);
        }
    }
}

fn take(into: &mut Vec<u8>, chunk: &[u8], limit: usize) {
    let room = limit.saturating_sub(into.len());
    into.extend_from_slice(&chunk[..room.min(chunk.len())]);
}
