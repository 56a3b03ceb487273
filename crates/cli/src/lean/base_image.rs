//! An image as base: found by the settings' reference once, and by the lock's digest from then on; kept in the
//! store with all its layers, and with what was found out about it.

use std::path::Path;
use std::sync::Arc;

use lightship_base::Digest;
use lightship_build::assemble::{ImageSettings, Layer, Origin, Stage, inherit};
use lightship_build::base::PythonWish;
use lightship_build::foreign::{Error as ForeignError, Files, Foreign, Names, Survey, find_python};
use lightship_build::lean::{self, Fetched, Gathered, Wishes};
use lightship_build::resolve::{Sandboxed, Upgrade};
use lightship_cas::{RefKind, RefValue};
use lightship_oci::copy::{Selection, copy};
use lightship_oci::layout::{LayoutDestination, LayoutSource};
use lightship_oci::reference::{Reference, RegistryReference, StoreReference, Target};
use lightship_oci::spec::Platform;
use lightship_oci::{Image, Source};
use lightship_packages::fetch;
use lightship_packages::lock::{BaseImage as LockedImage, Lock};
use lightship_sandbox::DEFAULT_PATH;
use lightship_sandbox::snapshot::Prepared;

use super::{BasePlace, ImageAt, Kitchen, Order};
use crate::commands::Error;

/// What was found out about images that others are built on, by the digits of their digests.
pub const SURVEYS: RefKind = RefKind::new("surveys");

/// *OCI image-spec 1.1, annotations.md*.
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// The layout of base images in a folder of packages.
const VENDORED: &str = "image";

/// No survey has more bytes: one of 150,000 names has 12 MB.
const MOST_SURVEY: u64 = 1 << 30;

/// An image that is built on, in the store as long as this lives.
pub struct BaseImage {
    /// Its documents.
    pub image: Image,
    /// As the user calls it.
    pub reference: String,
    /// What is in it.
    pub survey: Arc<Survey>,
}

impl BaseImage {
    /// Its layers, for a report.
    pub fn layers(&self) -> Vec<Layer> {
        let manifest = &self.image.manifest().layers;
        let described = manifest.iter().zip(self.image.diff_ids()).zip(&self.survey.layers);
        (1..)
            .zip(described)
            .map(|(number, ((descriptor, diff_id), known)): (u64, _)| Layer {
                title: format!("{}, layer {number}", self.reference),
                stage: Stage::Base,
                packages: Vec::new(),
                digest: descriptor.digest,
                size: lightship_base::ByteSize(descriptor.size),
                diff_id: *diff_id,
                content: lightship_base::ByteSize(known.content),
                files: known.files,
                origin: Origin::Kept,
            })
            .collect()
    }

    /// The value of a variable of its config.
    fn variable(&self, name: &str) -> Option<&str> {
        let variables = self.image.config().config.env.iter().flatten();
        let mut values = variables.filter_map(|pair| pair.split_once('='));
        values.find_map(|(known, value)| (known == name).then_some(value))
    }
}

impl Kitchen<'_> {
    /// The image that a lock is built on, if it is; fetched where the store lacks it.
    pub fn base_image(&self, lock: &Lock) -> Result<Option<BaseImage>, Error> {
        let Some(locked) = lock.images.iter().find(|image| image.platform == self.platform) else {
            return Ok(None);
        };
        let image = match self.kept(&locked.digest)? {
            Some(image) => image,
            None => self.fetch_base(locked)?,
        };
        let survey = Arc::new(self.survey(&image)?);
        Ok(Some(BaseImage { image, reference: locked.reference.clone(), survey }))
    }

    /// Finds the image that the settings name, for a new lock. Where an older lock has one under the same
    /// name, that one stays, unless everything is to be renewed.
    pub(super) fn choose_base(
        &self,
        order: &Order<'_>,
        at: &ImageAt,
    ) -> Result<LockedImage, Error> {
        let known = order.previous.and_then(|lock| {
            let same = |image: &&LockedImage| {
                image.platform == self.platform && image.reference == at.reference
            };
            lock.images.iter().find(same)
        });
        let renew = *order.upgrade == Upgrade::All;
        if let Some(known) = known.filter(|_| !renew)
            && (self.kept(&known.digest)?.is_some() || self.fetch_base(known).is_ok())
        {
            return Ok(known.clone());
        }
        let image = self.bring_base(&*self.source_of_base(at, None)?)?;
        Ok(LockedImage {
            platform: self.platform.clone(),
            reference: at.reference.clone(),
            digest: image.digest(),
        })
    }

    /// Lets the image's config say what the project leaves open, and names the base.
    pub fn take_config(&self, base: &BaseImage, settings: &mut ImageSettings) -> Result<(), Error> {
        let own = std::mem::take(&mut settings.run);
        settings.run = inherit(&base.image.config().config, own);
        let platform = base.image.config().platform();
        settings.platform = platform;
        if let BasePlace::Image(at) = &self.base {
            // A file has no name that means anything elsewhere. A name is taken as it is written: whether
            // this machine's store has it plays no part in the image.
            let name = match self.base_reference(at)? {
                Reference::Registry(_) | Reference::Store(StoreReference::Name(_)) => {
                    let text = at.reference.trim_start_matches("docker://");
                    Some(text.trim_start_matches("store:").to_owned())
                }
                Reference::Store(StoreReference::DigestPrefix(_))
                | Reference::OciLayout { .. }
                | Reference::OciArchive { .. }
                | Reference::DockerArchive { .. }
                | Reference::Archive(_)
                | Reference::Project(_) => None,
            };
            settings.annotations.extend(name.map(|name| (BASE_NAME.to_owned(), name)));
        }
        Ok(())
    }

    /// What the settings' words mean. As in a Dockerfile, a bare name that is not here is a registry's.
    fn base_reference(&self, at: &ImageAt) -> Result<Reference, Error> {
        let reference = self.images.reference_in(&at.reference, &at.folder)?;
        match &reference {
            Reference::Store(name @ StoreReference::Name(_))
                if !self.images.store()?.images.has(name)? =>
            {
                Ok(Reference::Registry(at.reference.parse::<RegistryReference>()?))
            }
            _ => Ok(reference),
        }
    }

    fn kept(&self, digest: &Digest) -> Result<Option<Image>, Error> {
        let Some(source) = self.images.store()?.images.base(digest)? else { return Ok(None) };
        Ok(Some(Image::open(Arc::new(source), Some(&self.oci_platform()?))?))
    }

    fn fetch_base(&self, locked: &LockedImage) -> Result<Image, Error> {
        let BasePlace::Image(at) = &self.base else {
            return Err(Error::NoBasePlace { reference: locked.reference.clone() });
        };
        let image = self.bring_base(&*self.source_of_base(at, Some(&locked.digest))?)?;
        if image.digest() == locked.digest {
            return Ok(image);
        }
        Err(Error::OtherBase {
            reference: locked.reference.clone(),
            locked: locked.digest,
            found: image.digest(),
        })
    }

    /// Where the image is: what the reference means now, or the one of this digest where a place can be
    /// asked for it.
    fn source_of_base(
        &self,
        at: &ImageAt,
        digest: Option<&Digest>,
    ) -> Result<Arc<dyn Source>, Error> {
        let mut reference = self.base_reference(at)?;
        if let Reference::Registry(remote) = &mut reference {
            if self.supplies.fetcher.is_offline() {
                let what = match digest {
                    Some(digest) => format!("the base image {} ({digest})", at.reference),
                    None => format!("the base image {}", at.reference),
                };
                return Err(lean::Error::from(fetch::Error::Offline { what }).into());
            }
            if let Some(digest) = digest {
                remote.target = Target::Digest(*digest);
            }
        }
        self.images.source_of(&reference)
    }

    /// Writes the base image of a lock into a folder of packages.
    pub fn vendor_base(&self, lock: &Lock, folder: &Path) -> Result<(), Error> {
        let Some(base) = self.base_image(lock)? else { return Ok(()) };
        let layout = LayoutDestination::create(&folder.join(VENDORED), Some(&self.tag()))?;
        copy(&**base.image.source(), &layout, &Selection::Everything, &*self.progress)?;
        Ok(())
    }

    /// Takes the base image of a lock out of such a folder, where the store lacks it.
    pub(super) fn restock_base(&self, lock: &Lock, folder: &Path) -> Result<(), Error> {
        let layout = folder.join(VENDORED);
        let own = lock.images.iter().find(|image| image.platform == self.platform);
        let Some(locked) = own.filter(|_| layout.is_dir()) else { return Ok(()) };
        if self.kept(&locked.digest)?.is_some() {
            return Ok(());
        }
        let found = self.bring_base(&LayoutSource::open(&layout, Some(&self.tag()))?)?.digest();
        if found == locked.digest {
            return Ok(());
        }
        let (reference, locked) = (locked.reference.clone(), locked.digest);
        Err(Error::OtherBase { reference, locked, found })
    }

    /// What a platform's image is called in a layout for several.
    fn tag(&self) -> String {
        self.platform.as_str().replace('/', "-")
    }

    /// Copies one platform's image into the store.
    fn bring_base(&self, source: &dyn Source) -> Result<Image, Error> {
        let platform = self.oci_platform()?;
        let store = &self.images.store()?.images;
        let destination = store.base_destination()?;
        let selection = Selection::One(Some(platform));
        let copied = copy(source, &destination, &selection, &*self.progress)?;
        let digest = copied.digest.expect("a copy without an error has a digest");
        let image = self.kept(&digest)?.ok_or_else(|| lightship_oci::Error::NotFound {
            what: format!("the base image {digest}"),
            place: "the local store".to_owned(),
            hint: None,
        })?;
        // Half of what is said of others would be unverified.
        image.consistent_layers()?;
        Ok(image)
    }

    fn oci_platform(&self) -> Result<Platform, Error> {
        let platform = self.platform.as_str();
        platform.parse().map_err(|_| Error::Platform { platform: platform.to_owned() })
    }

    fn survey(&self, image: &Image) -> Result<Survey, Error> {
        let lease = self.supplies.fetcher.lease();
        let name = image.digest().hex();
        if let Some(value) = lease.pin(SURVEYS, &name)?
            && let Some(root) = value.roots.first()
            && let Some(survey) = Survey::from_bytes(&lease.cas().read(root, MOST_SURVEY)?)
        {
            return Ok(survey);
        }
        let survey = Survey::of(image.clone(), &*self.progress)?;
        let digest = lease.put(&survey.to_bytes())?;
        let value = RefValue { roots: vec![digest], data: serde_json::Value::Null };
        lease.cas().set_ref(SURVEYS, &name, &value)?;
        Ok(survey)
    }

    /// Unpacks a base image, and asks its Python where packages go.
    pub(super) fn foreign(
        &self,
        base: &BaseImage,
        wishes: &Wishes,
    ) -> Result<(Prepared, Foreign), Error> {
        let root = self.sandboxes.prepare(self.images, &base.image, &*self.progress)?;
        let files: Arc<dyn Files> = Arc::new(root.clone());
        let names = Arc::new(Names::of(&base.survey, &files));
        let mut image = Foreign::new(&base.reference, Arc::clone(&base.survey), names);
        image.library_path = base.variable("LD_LIBRARY_PATH").map(str::to_owned);
        if wishes.base.python == PythonWish::None {
            return Ok((root, image));
        }
        let path = base.variable("PATH").unwrap_or(DEFAULT_PATH);
        let program = find_python(&image.names, path).ok_or_else(|| {
            let (image, path) = (base.reference.clone(), path.to_owned());
            lean::Error::from(ForeignError::NoPython { image, path })
        })?;
        let interpreter = Sandboxed {
            launcher: self.sandboxes.launcher(),
            root: &root,
            python: Path::new(&program).to_owned(),
            disk: None,
        };
        let image = image.with_python(&interpreter, &program).map_err(lean::Error::from)?;
        Ok((root, image))
    }

    /// What goes onto a base image.
    pub(super) fn gather_onto(
        &self,
        base: &BaseImage,
        (lock, fetched): (&Lock, &Fetched),
        wishes: &Wishes,
    ) -> Result<Gathered, Error> {
        let (_, image) = self.foreign(base, wishes)?;
        Ok(lean::gather_onto(&image, lock, fetched, wishes)?)
    }

    /// Locks a project whose base is an image: nothing is chosen but Python distributions.
    pub(super) fn lock_onto(&self, order: &Order<'_>, at: &ImageAt) -> Result<Lock, Error> {
        let mut lock = Lock {
            inputs: order.inputs.clone(),
            platforms: vec![self.platform.clone()],
            images: vec![self.choose_base(order, at)?],
            ..Lock::default()
        };
        if order.wishes.base.python == PythonWish::None {
            return Ok(lock);
        }
        self.resolve(&mut lock, None, order)?;
        let gathered = self.gather(&lock, &order.wishes)?;
        let parcels = gathered.bundles.iter().map(|bundle| bundle.parcel.clone()).collect();
        let links = gathered.footing.links(parcels, Vec::new(), &self.notebooks);
        let mut missing = lean::lacking(&links, self.platform.architecture());
        missing.retain(|missing| !lean::is_driver(&missing.library));
        if missing.is_empty() {
            return Ok(lock);
        }
        Err(lean::Error::MissingInImage { image: at.reference.clone(), missing }.into())
    }
}
