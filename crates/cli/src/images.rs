//! From what the user typed to places that have or take images: the one place that knows all kinds of
//! them, and that opens the store and the network only when they are needed.

mod network;
mod probe;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use lightship_base::{Digest, Progress};
use lightship_cas::{
    Cas, GcOptions, GcReport, Trace, Usage, VerifyOptions, VerifyReport, remove_tree,
};
use lightship_oci::archive::{self, DockerArchiveDestination, OciArchiveDestination, Scratch};
use lightship_oci::base::Candidate;
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::reference::{ImageName, Reference, StoreReference, is_explicit_path};
use lightship_oci::spec::Platform;
use lightship_oci::store::ImageStore;
use lightship_oci::{Destination, Error as OciError, Image, Source};
use lightship_sandbox::snapshot::kept_by;

use crate::commands::Error;
use crate::settings::Settings;
use network::Network;
pub use network::client;

/// Opens images, for as many threads as like to.
pub struct Images<'a> {
    settings: &'a Settings,
    network: Network<'a>,
    store: OnceLock<Store>,
}

impl<'a> Images<'a> {
    /// Opens nothing yet. `plain_http` lets it speak to any registry without TLS.
    pub fn new(settings: &'a Settings, plain_http: bool) -> Self {
        Self { settings, network: Network::new(settings, plain_http), store: OnceLock::new() }
    }

    /// What the user's words mean. The store is asked only if there is one: looking at a file shall
    /// not make a folder.
    pub fn reference(&self, text: &str) -> Result<Reference, Error> {
        self.reference_in(text, Path::new(""))
    }

    /// The same where relative paths begin in `folder`.
    pub fn reference_in(&self, text: &str, folder: &Path) -> Result<Reference, Error> {
        let stored = |name: &StoreReference| self.has(name);
        let probe = |path: &Path| probe::kind_of(&folder.join(path));
        Ok(match Reference::parse(text, &probe, &stored)? {
            Reference::OciLayout { dir, tag } => {
                Reference::OciLayout { dir: folder.join(dir), tag }
            }
            Reference::OciArchive { file, tag } => {
                Reference::OciArchive { file: folder.join(file), tag }
            }
            Reference::DockerArchive { file, tag } => {
                Reference::DockerArchive { file: folder.join(file), tag }
            }
            Reference::Archive(file) => Reference::Archive(folder.join(file)),
            Reference::Project(path) => Reference::Project(folder.join(path)),
            other @ (Reference::Registry(_) | Reference::Store(_)) => other,
        })
    }

    /// Whether the store has an image of this name.
    pub fn has(&self, name: &StoreReference) -> bool {
        self.settings.home.join("store").is_dir()
            && self.store().is_ok_and(|store| store.images.has(name).unwrap_or(false))
    }

    /// An image to read, or an index over several.
    pub fn source(&self, text: &str) -> Result<Arc<dyn Source>, Error> {
        self.source_of(&self.reference(text)?)
    }

    /// The same for words that are understood already.
    pub fn source_of(&self, reference: &Reference) -> Result<Arc<dyn Source>, Error> {
        Ok(match reference {
            Reference::OciLayout { dir, tag } => Arc::new(LayoutSource::open(dir, tag.as_deref())?),
            Reference::OciArchive { file, tag } => {
                Arc::new(archive::open_oci(file, tag.as_deref(), &self.scratch_space()?)?)
            }
            Reference::DockerArchive { file, tag } => {
                Arc::from(archive::open(file, tag.as_deref(), &self.scratch_space()?)?)
            }
            Reference::Archive(file) => {
                Arc::from(archive::open(file, None, &self.scratch_space()?)?)
            }
            Reference::Registry(reference) => Arc::new(self.network.image(reference)?),
            Reference::Store(reference) => Arc::new(self.store()?.images.source(reference)?),
            Reference::Project(path) => return Err(not_an_image(path)),
        })
    }

    /// One platform's image.
    pub fn image(&self, text: &str, platform: Option<&Platform>) -> Result<Image, Error> {
        self.open(&self.reference(text)?, platform)
    }

    /// The same for words that are understood already.
    pub fn open(&self, reference: &Reference, platform: Option<&Platform>) -> Result<Image, Error> {
        Ok(Image::open(self.source_of(reference)?, platform)?)
    }

    /// A place for an image. What looks like a file is never taken for a name in the store: whoever
    /// writes `-o app.tar` would look for it in vain.
    pub fn destination(&self, text: &str) -> Result<Box<dyn Destination>, Error> {
        let unclear = || Error::UnclearDestination { path: text.into() };
        match Reference::parse(text, &probe::kind_of, &|_| false) {
            Ok(Reference::Store(_)) if probe::looks_like_a_file(text) || in_a_folder(text) => {
                Err(unclear())
            }
            Err(_) if is_explicit_path(text) => Err(unclear()),
            reference => self.destination_of(&reference?),
        }
    }

    /// The same for words that are understood already.
    pub fn destination_of(&self, reference: &Reference) -> Result<Box<dyn Destination>, Error> {
        Ok(match reference {
            Reference::OciLayout { dir, tag } => {
                Box::new(LayoutDestination::create(dir, tag.as_deref())?)
            }
            Reference::OciArchive { file, tag } => Box::new(OciArchiveDestination::create(
                file,
                tag.as_deref(),
                &self.scratch_space()?,
            )?),
            Reference::DockerArchive { file, tag } => {
                let scratch = self.scratch_space()?;
                Box::new(DockerArchiveDestination::create(file, tag.as_deref(), &scratch)?)
            }
            Reference::Registry(reference) => Box::new(self.network.image(reference)?),
            Reference::Store(StoreReference::Name(name)) => self.store_destination(name)?,
            Reference::Store(StoreReference::DigestPrefix(_)) => return Err(Error::DigestAsName),
            Reference::Archive(path) | Reference::Project(path) => {
                return Err(Error::UnclearDestination { path: path.clone() });
            }
        })
    }

    /// A place in the local store.
    pub fn store_destination(&self, name: &ImageName) -> Result<Box<dyn Destination>, Error> {
        Ok(Box::new(self.store()?.images.destination(name)?))
    }

    /// Images of the local store, as possible bases of others. A store that cannot be read has none:
    /// whoever needs it will say why.
    pub fn candidates(&self) -> Vec<Candidate> {
        if !self.settings.home.join("store").is_dir() {
            return Vec::new();
        }
        let Ok(store) = self.store() else { return Vec::new() };
        let summaries = store.images.list().unwrap_or_default();
        summaries
            .into_iter()
            .filter_map(|summary| {
                let reference = Reference::Store(StoreReference::Name(summary.name.clone()));
                let image = self.open(&reference, None).ok()?;
                Some(Candidate {
                    name: summary.name.to_string(),
                    digest: image.digest(),
                    top: image.chain_ids().last().copied()?,
                })
            })
            .collect()
    }

    /// Where temporary files go; made if it is missing.
    pub fn scratch(&self) -> Result<&Path, Error> {
        let folder = &self.settings.temporary;
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        Ok(folder)
    }

    fn scratch_space(&self) -> Result<Scratch, Error> {
        Ok(Scratch::in_folder(self.scratch()?))
    }

    /// The local store.
    pub fn store(&self) -> Result<&Store, Error> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let folder = self.settings.home.join("store");
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let images = ImageStore::new(Cas::open(&folder)?, Arc::from(self.settings.clock()));
        Ok(self.store.get_or_init(|| Store { images }))
    }
}

/// Whether words that could be a name in the store could as well be a path: `out/lean` beside a folder
/// `out`.
fn in_a_folder(text: &str) -> bool {
    let parent = Path::new(text).parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.is_some_and(Path::is_dir)
}

fn not_an_image(path: &Path) -> Error {
    Error::Oci(OciError::Unsupported {
        what: path.display().to_string(),
        reason: "it is a folder without an `oci-layout` file, so no image".to_owned(),
        hint: Some("name an image: oci:DIR, an archive, docker://…, or a name that `lightship image ls` shows".to_owned()),
    })
}

/// The local store with its images.
pub struct Store {
    /// Named images.
    pub images: ImageStore,
}

impl Store {
    /// What its bytes are for.
    pub fn usage(&self) -> Result<Usage, Error> {
        let tracer = self.images.tracer()?;
        let cas = self.images.cas();
        let trees = |digest: &Digest| kept_by(cas, digest);
        Ok(cas.usage_with(Trace { blobs: &|digest| tracer.children(digest), trees: &trees })?)
    }

    /// Removes what nothing leads to.
    pub fn gc(&self, options: GcOptions) -> Result<GcReport, Error> {
        let tracer = self.images.tracer()?;
        let cas = self.images.cas();
        let trees = |digest: &Digest| kept_by(cas, digest);
        let trace = Trace { blobs: &|digest| tracer.children(digest), trees: &trees };
        Ok(cas.gc_with(trace, &remove_tree, options)?)
    }

    /// Reads everything again.
    pub fn verify(
        &self,
        options: VerifyOptions,
        progress: &dyn Progress,
    ) -> Result<VerifyReport, Error> {
        let tracer = self.images.tracer()?;
        Ok(self.images.cas().verify(&|digest| tracer.children(digest), options, progress)?)
    }
}
