//! An image held in memory whose documents and layers may be anything at all.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Cursor, Read};
use std::sync::Arc;

use lightship_base::{DiffId, Digest, HashingReader, Quiet};
use lightship_oci::compression::decoder;
use lightship_oci::copy::Selection;
use lightship_oci::rootfs::{IndexEntry, LayerVisitor, NodeId, Tree, What, index_layer};
use lightship_oci::spec::{Compression, Descriptor, Flavour, Manifest, MediaType};
use lightship_oci::validate::{Validation, validate};
use lightship_oci::{BlobReader, Error, Image, Source};
use serde_json::json;

use super::tar::with_checksums_repaired;

/// More uncompressed bytes than this are not looked at: a bomb has to be survived, not enjoyed.
const MAX_LAYER_BYTES: u64 = 256 * 1024 * 1024;

/// A layer, compressed or not: an image that has it twice opens, its validation ends, and its layers
/// are refused or make a filesystem that is a tree, stays below its root, and counts its bytes right.
///
/// As with [`super::tar`], also with the tar's checksums repaired, if it is not compressed.
pub fn layer(input: &[u8]) {
    unpack_twice(input);
    let repaired = with_checksums_repaired(input);
    if repaired != input {
        unpack_twice(&repaired);
    }
}

fn unpack_twice(input: &[u8]) {
    let mut unpacked = HashingReader::new(unpack(input));
    let size = io::copy(&mut unpacked, &mut io::sink()).unwrap_or(0);
    if size > MAX_LAYER_BYTES {
        return;
    }
    let diff_id = DiffId(unpacked.finish().0);
    let mut held = Held::default();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id, diff_id]},
    });
    let config = held.add(MediaType::Config(Flavour::Oci), config.to_string().as_bytes());
    let layer = held.add(MediaType::Layer(Flavour::Oci, Compression::None), input);
    held.set_root(&Manifest { layers: vec![layer.clone(), layer], ..Held::manifest(config) });
    let (image, validation) = held.open_and_validate();
    let image = image.expect("its documents are fine, whatever its layers are");
    let mut tree = Tree::new();
    for layer in image.layers() {
        match index_layer(&layer, &mut Reads) {
            Ok(index) => {
                assert!(
                    index.stored_bytes <= index.facts.uncompressed_bytes,
                    "content from nowhere"
                );
                tree.apply(&index);
            }
            Err(error) => {
                assert!(!validation.is_valid(), "validated, yet refused: {error:?}");
                return;
            }
        }
    }
    assert_is_a_tree(&tree);
}

/// What the input unpacks to, as far as it does.
fn unpack(input: &[u8]) -> Box<dyn Read + '_> {
    match decoder(input) {
        Ok(decoder) => Box::new(decoder.take(MAX_LAYER_BYTES + 1)),
        Err(_) => Box::new(io::empty()),
    }
}

/// Reads every file to its end and finds as many bytes as were announced.
struct Reads;

impl LayerVisitor for Reads {
    fn file(&mut self, _: usize, entry: &IndexEntry, content: &mut dyn BufRead) -> io::Result<()> {
        let read = io::copy(content, &mut io::sink())?;
        assert_eq!(read, entry.stored_bytes(), "{}", entry.path);
        Ok(())
    }

    fn compressed(&mut self, _: usize, _: u64) {}
}

/// Every visible name is found again by its path, and every content knows how many names show it.
fn assert_is_a_tree(tree: &Tree) {
    let mut names = BTreeMap::new();
    for node in tree.walk(Tree::ROOT).collect::<Vec<NodeId>>() {
        assert_eq!(tree.lookup(&tree.path(node)), Some(node), "{}", tree.path(node));
        assert!(tree.is_visible(node), "{}", tree.path(node));
        if let What::File(inode) = tree.node(node).what {
            *names.entry(inode).or_insert(0) += 1;
        }
    }
    for (id, inode) in tree.inodes() {
        assert_eq!(inode.visible, names.get(&id).copied().unwrap_or(0), "{:?}", inode.origin);
    }
}

/// Documents and blobs by digest, and which of them is the root. Unlike `oci`'s own `Assembly` it takes
/// a root that is no manifest.
#[derive(Default)]
pub(super) struct Held {
    root: Option<Descriptor>,
    bodies: BTreeMap<Digest, Arc<[u8]>>,
}

impl Held {
    /// An image of nothing but its root, whatever that is.
    pub(super) fn with_root(media_type: MediaType, bytes: &[u8]) -> Self {
        let mut held = Self::default();
        held.root = Some(held.add(media_type, bytes));
        held
    }

    /// Takes bytes and returns the pointer to them.
    pub(super) fn add(&mut self, media_type: MediaType, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(media_type, bytes);
        self.bodies.insert(descriptor.digest, bytes.into());
        descriptor
    }

    /// Makes a manifest the root.
    pub(super) fn set_root(&mut self, manifest: &Manifest) {
        let bytes = serde_json::to_vec(manifest).expect("a manifest has string keys only");
        self.root = Some(self.add(MediaType::Manifest(Flavour::Oci), &bytes));
    }

    /// A manifest with a config and no layers.
    pub(super) fn manifest(config: Descriptor) -> Manifest {
        Manifest {
            schema_version: 2,
            media_type: Some(MediaType::Manifest(Flavour::Oci)),
            artifact_type: None,
            config,
            layers: Vec::new(),
            subject: None,
            annotations: BTreeMap::new(),
            extra: serde_json::Map::new(),
        }
    }

    /// Opens the image, or is refused; and collects what is wrong with it.
    pub(super) fn open_and_validate(self) -> (Result<Image, Error>, Validation) {
        let source: Arc<dyn Source> = Arc::new(self);
        let opened = Image::open(Arc::clone(&source), None);
        (opened, validate(&source, &Selection::Everything, &Quiet).expect("the root is there"))
    }
}

impl Source for Held {
    fn name(&self) -> String {
        "made up".to_owned()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        self.root.clone().ok_or_else(|| Error::invalid("made up", "there is no root"))
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        let body = self.body(descriptor)?;
        if body.len() as u64 > limit {
            return Err(Error::invalid("made up", "the document is too large"));
        }
        Ok(body.to_vec())
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let mut cursor = Cursor::new(self.body(descriptor)?);
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    }
}

impl Held {
    fn body(&self, descriptor: &Descriptor) -> Result<Arc<[u8]>, Error> {
        self.bodies.get(&descriptor.digest).cloned().ok_or_else(|| Error::NotFound {
            what: format!("blob {}", descriptor.digest),
            place: self.name(),
            hint: None,
        })
    }
}
