//! The base as a root that commands run in: where `uv` finds the interpreter that the image will have.

use std::collections::BTreeMap;

use lightship_base::{Progress, Timestamp};
use lightship_build::assemble::{
    Bundle, Grouping, ImageSettings, Layer, Layers, group, put_together, settle,
};
use lightship_build::notebooks::Notebooks;
use lightship_cas::Lease;
use lightship_codec::compression::CompressionLevel;
use lightship_oci::spec::{Platform, RunConfig};
use lightship_sandbox::snapshot::Prepared;

use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;

/// Nobody but this machine reads these layers.
const QUICKLY: CompressionLevel = CompressionLevel::Zstd(1);

/// Unpacks bundles into a root.
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
    /// Layers with the files of these bundles.
    pub fn layers(&self, mut bundles: Vec<Bundle>) -> Result<Vec<Layer>, Error> {
        settle(&mut bundles, &Notebooks::default())?;
        let layers = Layers { lease: self.lease, compression: QUICKLY, time: 0 };
        Ok(layers.make(&group(bundles, Grouping::default()), self.progress)?)
    }

    /// A root of such layers.
    pub fn unpack(&self, layers: &[Layer]) -> Result<Prepared, Error> {
        let settings = ImageSettings {
            platform: Platform::host(),
            run: RunConfig::default(),
            created: Timestamp::UNIX_EPOCH,
            annotations: BTreeMap::new(),
            compression: QUICKLY,
        };
        let image = put_together("the base", layers, &settings, self.lease.cas());
        let source = std::sync::Arc::new(image.assembly);
        let image = lightship_oci::Image::open(source, None)?;
        self.sandboxes.prepare(self.images, &image, self.progress)
    }
}
