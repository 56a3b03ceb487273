//! An image with another's bytes in its layers.

use std::sync::Arc;

use lightship_oci::spec::Descriptor;
use lightship_oci::{BlobReader, Error, Image, Source};

struct Mixed {
    documents: Arc<dyn Source>,
    layers: Arc<dyn Source>,
    /// What the only layer really is.
    layer: Descriptor,
}

impl Source for Mixed {
    fn name(&self) -> String {
        "memory:mixed".to_owned()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        self.documents.root()
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        self.documents.document(descriptor, limit)
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        if descriptor.media_type.layer_compression().is_some() {
            self.layers.blob(&self.layer, offset)
        } else {
            self.documents.blob(descriptor, offset)
        }
    }
}

/// The manifest and config of `one`, the layer of `other`.
pub(crate) fn image(one: &Image, other: &Image) -> Image {
    let mixed = Mixed {
        documents: Arc::clone(one.source()),
        layers: Arc::clone(other.source()),
        layer: other.layers()[0].descriptor().clone(),
    };
    Image::open(Arc::new(mixed), None).unwrap()
}
