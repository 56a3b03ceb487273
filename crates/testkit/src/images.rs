//! Images made in memory, one entry at a time.
//!
//! ```
//! use lightship_testkit::images::ImageBuilder;
//!
//! let image = ImageBuilder::new()
//!     .layer(|l| l.dir("etc").file("etc/motd", b"hello"))
//!     .history("COPY motd /etc/")
//!     .layer(|l| l.whiteout("etc/motd"))
//!     .history("RUN rm /etc/motd")
//!     .image();
//! assert_eq!(image.layers().len(), 2);
//! ```

use std::io::{self, Read, Write};
use std::sync::Arc;

use lightship_base::{DiffId, HashingWriter};
use lightship_oci::assembly::Assembly;
use lightship_oci::compression::{CompressionLevel, Encoder, encoder};
use lightship_oci::spec::{Flavour, HistoryEntry, Manifest, MediaType};
use lightship_oci::tar::{Entry, EntryKind, Mtime, TarWriter};
use lightship_oci::{Image, Source};
use serde_json::{Map, Value, json};

/// When everything in a built layer was last changed, unless its entry says otherwise.
pub const MTIME: Mtime = Mtime { secs: 1_700_000_000, nanos: 123_456_789 };

/// An image that grows layer by layer, bottom first.
pub struct ImageBuilder {
    flavour: Flavour,
    level: CompressionLevel,
    layers: Vec<BuiltLayer>,
    history: Vec<HistoryEntry>,
}

struct BuiltLayer {
    level: CompressionLevel,
    blob: Vec<u8>,
    diff_id: DiffId,
}

impl Default for ImageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageBuilder {
    /// An OCI image without layers; those to come are compressed with gzip.
    pub fn new() -> Self {
        Self {
            flavour: Flavour::Oci,
            level: CompressionLevel::Gzip(1),
            layers: Vec::new(),
            history: Vec::new(),
        }
    }

    /// Which family of documents to write.
    #[must_use]
    pub fn flavour(mut self, flavour: Flavour) -> Self {
        self.flavour = flavour;
        self
    }

    /// How the layers to come are compressed.
    #[must_use]
    pub fn compression(mut self, level: CompressionLevel) -> Self {
        self.level = level;
        self
    }

    /// Adds a layer, filled by `fill`.
    #[must_use]
    pub fn layer(self, fill: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        let compressor = encoder(Vec::new(), self.level, 1).expect("memory takes every byte");
        let empty = LayerBuilder { tar: TarWriter::new(HashingWriter::new(compressor)) };
        let tar = fill(empty).tar.finish().expect("memory takes every byte");
        self.push(tar)
    }

    /// Adds a layer whose uncompressed bytes are these, whatever they are.
    #[must_use]
    pub fn tar(self, bytes: &[u8]) -> Self {
        let compressor = encoder(Vec::new(), self.level, 1).expect("memory takes every byte");
        let mut tar = HashingWriter::new(compressor);
        tar.write_all(bytes).expect("memory takes every byte");
        self.push(tar)
    }

    fn push(mut self, tar: HashingWriter<Encoder<Vec<u8>>>) -> Self {
        let (diff_id, _, compressor) = tar.finish();
        let blob = compressor.finish().expect("memory takes every byte");
        self.layers.push(BuiltLayer { level: self.level, blob, diff_id: DiffId(diff_id) });
        self
    }

    /// Notes the instruction that made the newest layer.
    #[must_use]
    pub fn history(self, created_by: &str) -> Self {
        self.note(created_by, false)
    }

    /// Notes an instruction that made no layer.
    #[must_use]
    pub fn instruction(self, created_by: &str) -> Self {
        self.note(created_by, true)
    }

    fn note(mut self, created_by: &str, empty_layer: bool) -> Self {
        self.history.push(HistoryEntry {
            created: Some("2024-01-01T00:00:00Z".to_owned()),
            created_by: Some(created_by.to_owned()),
            empty_layer,
            ..HistoryEntry::default()
        });
        self
    }

    /// The finished image, to be read from memory.
    ///
    /// # Panics
    ///
    /// If a layer is compressed in a way that the family of documents has no media type for.
    pub fn build(self) -> Arc<dyn Source> {
        let flavour = self.flavour;
        let config = self.config().to_string().into_bytes();
        let mut assembly = Assembly::over("memory:image", None);
        let config = assembly.add_bytes(MediaType::Config(flavour), config);
        let layers = (self.layers.into_iter())
            .map(|layer| {
                let media_type = MediaType::Layer(flavour, layer.level.compression());
                assert_eq!(
                    MediaType::from(media_type.to_string().as_str()),
                    media_type,
                    "there is such a media type"
                );
                assembly.add_bytes(media_type, layer.blob)
            })
            .collect();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MediaType::Manifest(flavour)),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: std::collections::BTreeMap::new(),
            extra: Map::new(),
        };
        assembly.set_root(MediaType::Manifest(flavour), &manifest);
        Arc::new(assembly)
    }

    /// The finished image, opened.
    pub fn image(self) -> Image {
        Image::open(self.build(), None).expect("what was just built can be opened")
    }

    fn config(&self) -> Value {
        let diff_ids: Vec<DiffId> = self.layers.iter().map(|layer| layer.diff_id).collect();
        json!({
            "created": "2024-01-01T00:00:00Z",
            "architecture": "amd64",
            "os": "linux",
            "config": { "Cmd": ["/program"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": self.history,
        })
    }
}

/// A layer on its way. Entries are written in the order of the calls; owners are root.
pub struct LayerBuilder {
    tar: TarWriter<HashingWriter<Encoder<Vec<u8>>>>,
}

impl LayerBuilder {
    /// A file, mode 0644.
    #[must_use]
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(file(path, content.len() as u64), content)
    }

    /// A file, mode 0644, of exactly `size` bytes that are read from `content` as they are written.
    #[must_use]
    pub fn stream(self, path: &str, size: u64, content: impl Read) -> Self {
        self.entry(file(path, size), content)
    }

    /// A folder, mode 0755.
    #[must_use]
    pub fn dir(self, path: &str) -> Self {
        self.entry(folder(path), io::empty())
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        let link_target = target.as_bytes().to_vec();
        self.entry(Entry { link_target, ..made(path, EntryKind::Symlink, 0o777) }, io::empty())
    }

    /// Another name of a file, with the attributes that [`LayerBuilder::file`] gives.
    #[must_use]
    pub fn hard_link(self, path: &str, target: &str) -> Self {
        let link_target = target.as_bytes().to_vec();
        self.entry(Entry { link_target, ..made(path, EntryKind::HardLink, 0o644) }, io::empty())
    }

    /// A character device.
    #[must_use]
    pub fn device(self, path: &str, major: u32, minor: u32) -> Self {
        let device = (major, minor);
        self.entry(Entry { device, ..made(path, EntryKind::CharDevice, 0o600) }, io::empty())
    }

    /// A named pipe.
    #[must_use]
    pub fn fifo(self, path: &str) -> Self {
        self.entry(made(path, EntryKind::Fifo, 0o600), io::empty())
    }

    /// Hides a path of lower layers.
    #[must_use]
    pub fn whiteout(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let path = format!("{folder}/.wh.{name}");
        self.file(path.trim_start_matches('/'), b"")
    }

    /// Hides everything that lower layers have in a folder.
    #[must_use]
    pub fn opaque(self, folder: &str) -> Self {
        self.file(format!("{folder}/.wh..wh..opq").trim_start_matches('/'), b"")
    }

    /// Any entry. `content` is read for files only.
    ///
    /// # Panics
    ///
    /// If the entry cannot be written, or `content` has another length than it says.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "an entry is made for one call")]
    pub fn entry(mut self, entry: Entry, mut content: impl Read) -> Self {
        let written = self.tar.append(&entry, &mut content);
        written.unwrap_or_else(|error| panic!("{error}"));
        self
    }
}

/// A file's entry, mode 0644.
pub fn file(path: &str, size: u64) -> Entry {
    Entry { size, real_size: size, ..made(path, EntryKind::File, 0o644) }
}

/// A folder's entry, mode 0755.
pub fn folder(path: &str) -> Entry {
    made(path, EntryKind::Directory, 0o755)
}

fn made(path: &str, kind: EntryKind, mode: u32) -> Entry {
    Entry { mode, mtime: MTIME, ..Entry::new(path.as_bytes(), kind) }
}

/// As many bytes as asked for, which compress well but never repeat at length; the same `seed` gives
/// the same ones.
pub fn toolchain_bytes(seed: u64, size: u64) -> impl Read {
    Bytes { state: seed | 1, block: Vec::new(), at: 0, left: size }
}

struct Bytes {
    state: u64,
    block: Vec<u8>,
    at: usize,
    left: u64,
}

impl Bytes {
    /// Words drawn from a small vocabulary that changes from block to block.
    fn next_block(&mut self) {
        self.block.clear();
        let vocabulary: Vec<[u8; 8]> = (0..32).map(|_| self.random().to_le_bytes()).collect();
        while self.block.len() < 1 << 16 {
            let mut choices = self.random();
            for _ in 0..8 {
                self.block.extend_from_slice(&vocabulary[(choices & 31) as usize]);
                choices >>= 8;
            }
            let unique = self.random();
            self.block.extend_from_slice(&unique.to_le_bytes());
        }
        self.at = 0;
    }

    /// Marsaglia's xorshift64*.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            self.next_block();
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let n = buffer.len().min(self.block.len() - self.at).min(left);
        buffer[..n].copy_from_slice(&self.block[self.at..self.at + n]);
        self.at += n;
        self.left -= n as u64;
        Ok(n)
    }
}
