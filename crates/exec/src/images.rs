//! Where the images of tasks come from.

use lightship_base::Digest;
use lightship_engine::Failure;
use lightship_oci::spec::RunConfig;
use lightship_sandbox::snapshot::Prepared;

/// Opens images by what pipelines call them. Called from several threads at once; whoever implements it remembers what
/// it opened.
pub trait Images: Send + Sync {
    /// An image, unpacked and ready. Fails with a sentence for people: what was looked for, where, and what to do.
    fn open(&self, reference: &str) -> Result<Opened, Failure>;
}

/// An image that is ready.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its manifest's digest: what results depend on.
    pub digest: Digest,
    /// What it says about running it.
    pub config: RunConfig,
    /// Its file system.
    pub root: Prepared,
}
