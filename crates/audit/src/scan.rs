//! One pass over a layer that notes everything later rooms want to know about its files.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lightship_base::Progress;
use lightship_oci::layer::Layer;
use lightship_oci::rootfs::{IndexEntry, LayerIndex, LayerVisitor, index_watched};
use lightship_packages::elf::{ElfFacts, ElfProbe};
use lightship_packages::{Want, wanted};
use rayon::prelude::*;

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

/// Reads an image's layers, each once, several at a time.
pub(crate) fn scan_all(
    layers: &[Layer],
    progress: &dyn Progress,
) -> Result<Vec<ScannedLayer>, lightship_oci::Error> {
    scan_within(MAX_KEPT_BYTES, layers, progress)
}

fn scan_within(
    max_kept_bytes: usize,
    layers: &[Layer],
    progress: &dyn Progress,
) -> Result<Vec<ScannedLayer>, lightship_oci::Error> {
    let budget = Budget::of(max_kept_bytes);
    let scanned: Result<Vec<_>, _> =
        layers.par_iter().map(|layer| scan(layer, &budget, progress)).collect();
    if scanned.is_err() || !budget.is_overdrawn() {
        return scanned;
    }
    // Which layer got what was left depended on which thread came first, and a report must not.
    drop(scanned);
    let budget = Budget::of(max_kept_bytes);
    layers.iter().map(|layer| scan(layer, &budget, progress)).collect()
}

/// Bytes that may still be kept, and whether somebody wanted more.
struct Budget {
    left: AtomicUsize,
    overdrawn: AtomicBool,
}

impl Budget {
    fn of(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes), overdrawn: AtomicBool::new(false) }
    }

    /// Takes as many of `wanted` bytes as there are.
    fn take(&self, wanted: usize) -> usize {
        let take = |left: usize| Some(left.saturating_sub(wanted));
        let had = match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(had) | Err(had) => had,
        };
        if had < wanted {
            self.overdrawn.store(true, Ordering::Relaxed);
        }
        had.min(wanted)
    }

    fn is_overdrawn(&self) -> bool {
        self.overdrawn.load(Ordering::Relaxed)
    }
}

fn scan(
    layer: &Layer,
    budget: &Budget,
    progress: &dyn Progress,
) -> Result<ScannedLayer, lightship_oci::Error> {
    let mut scanner = Scanner {
        budget,
        files: Vec::new(),
        contents: HashMap::new(),
        elf: HashMap::new(),
        secrets: HashMap::new(),
        hasher: blake3::Hasher::new(),
    };
    let what = format!("layer {}", layer.position() + 1);
    let index = index_watched(layer, &mut scanner, what, progress)?;
    let Scanner { mut files, contents, elf, secrets, .. } = scanner;
    files.resize(index.entries.len(), FileFacts::default());
    Ok(ScannedLayer { index, files, contents, elf, secrets })
}

struct Scanner<'a> {
    budget: &'a Budget,
    files: Vec<FileFacts>,
    contents: HashMap<u32, Vec<u8>>,
    elf: HashMap<u32, ElfFacts>,
    secrets: HashMap<u32, SecretKind>,
    hasher: blake3::Hasher,
}

/// What inventories may keep of one image's contents, in bytes: ten times what the largest images need
/// (the lists of 4,000 packages are 6 MB).
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

impl LayerVisitor for Scanner<'_> {
    fn file(
        &mut self,
        number: usize,
        entry: &IndexEntry,
        content: &mut dyn BufRead,
    ) -> io::Result<()> {
        let key = u32::try_from(number).map_err(io::Error::other)?;
        let size = entry.stored_bytes();
        let mut look = Look::at(entry, wanted(entry.path.as_bytes(), size));
        self.hasher.reset();
        loop {
            let chunk = content.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            self.hasher.update(chunk);
            look.feed(chunk, self.budget);
            let taken = chunk.len();
            content.consume(taken);
        }
        self.files.resize(number + 1, FileFacts::default());
        self.files[number].content = ContentId(*self.hasher.finalize().as_bytes());
        if let Some(secret) = secrets::in_content(&look.head) {
            self.secrets.insert(key, secret);
        }
        if let Some(kept) = look.kept {
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
    fn at(entry: &IndexEntry, want: Want) -> Self {
        let probe = matches!(want, Want::ElfProbe).then(|| ElfProbe::new(entry.stored_bytes()));
        let limit = match want {
            Want::Content { at_most } => usize::try_from(at_most).unwrap_or(usize::MAX),
            Want::Nothing | Want::ElfProbe => 0,
        };
        Self { head: Vec::new(), kept: (limit > 0).then(Vec::new), limit, probe }
    }

    fn feed(&mut self, chunk: &[u8], budget: &Budget) {
        take(&mut self.head, chunk, secrets::HEAD_BYTES);
        if let Some(kept) = &mut self.kept {
            let wanted = chunk.len().min(self.limit.saturating_sub(kept.len()));
            kept.extend_from_slice(&chunk[..budget.take(wanted)]);
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

#[cfg(test)]
mod tests {
    use lightship_base::Quiet;
    use lightship_testkit::images::ImageBuilder;

    use super::*;

    #[test]
    fn what_is_kept_is_limited_by_image_and_the_lowest_layer_comes_first() {
        let mut image = ImageBuilder::new();
        for _ in 0..6 {
            image = image.layer(|layer| layer.file("var/lib/dpkg/status", &[b'x'; 1_000]));
        }
        let layers = image.image().layers();
        let kept = |budget: usize| -> Vec<usize> {
            let scanned = scan_within(budget, &layers, &Quiet).unwrap();
            let of = |layer: &ScannedLayer| layer.contents.values().map(Vec::len).sum();
            scanned.iter().map(of).collect()
        };
        assert_eq!(kept(6_000), [1_000; 6]);
        assert_eq!(kept(2_500), [1_000, 1_000, 500, 0, 0, 0]);
        assert_eq!(kept(0), [0; 6]);
    }
}
