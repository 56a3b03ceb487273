//! The base as a root that commands run in: where `uv` finds the interpreter that the image will have.

use std::collections::BTreeMap;

use lightship_base::{Progress, Timestamp};
use lightship_build::assemble::{
    Bundle, Grouping, ImageSettings, Layers, group, put_together, settle,
};
use lightship_cas::Lease;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::spec::{Platform, RunConfig};
use lightship_sandbox::snapshot::Prepared;

use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;

/// Unpacks bundles into a root. Compressed quickly: nobody but this machine reads these layers.
pub struct BaseRoot<'a> {
    /// Holds the layers while they are used.
    pub lease: &'a Lease,
    /// The store.
    pub images: &'a Images<'a>,
    /// Unpacks.
    pub sandboxes: &'a Sandboxes,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl BaseRoot<'_> {
    /// A root with the files of these bundles.
    pub fn prepare(&self, mut bundles: Vec<Bundle>) -> Result<Prepared, Error> {
        settle(&mut bundles)?;
        let compression = CompressionLevel::Zstd(1);
        let layers = Layers { lease: self.lease, compression, time: 0 };
        let layers = layers.make(&group(bundles, Grouping::default()), self.progress)?;
        let settings = ImageSettings {
            platform: Platform::host(),
            run: RunConfig::default(),
            created: Timestamp::UNIX_EPOCH,
            annotations: BTreeMap::new(),
            compression,
        };
        let image = put_together("the base", &layers, &settings, self.lease.cas());
        let source = std::sync::Arc::new(image.assembly);
        let image = lightship_oci::Image::open(source, None)?;
        self.sandboxes.prepare(self.images, &image, self.progress)
    }
}
