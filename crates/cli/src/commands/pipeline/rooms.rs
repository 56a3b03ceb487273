//! Where the images of steps come from on this machine: those that were baked, what the project maps names to, and
//! registries.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use lightship_base::{Digest, Quiet};
use lightship_engine::{Failure, Reason};
use lightship_exec::{Images as Source, Opened};
use lightship_oci::reference::{RegistryReference, Target};

use super::oven::REPOSITORY;
use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// Opens images, each once.
pub(super) struct Rooms {
    settings: Settings,
    sandboxes: Arc<Sandboxes>,
    plain_http: bool,
    /// What stands for an image where it cannot be had, by what pipelines call it.
    mapped: BTreeMap<String, String>,
    opened: Mutex<HashMap<String, Opened>>,
}

impl Rooms {
    pub(super) fn new(
        settings: Settings,
        sandboxes: Arc<Sandboxes>,
        plain_http: bool,
        mapped: BTreeMap<String, String>,
    ) -> Self {
        Self { settings, sandboxes, plain_http, mapped, opened: Mutex::default() }
    }

    fn prepare(&self, reference: &str) -> Result<Opened, Error> {
        let images = Images::new(&self.settings, self.plain_http);
        let mapped = self.mapped.get(reference).map_or(reference, String::as_str);
        let image = match stored(mapped) {
            Some(digest) => images.image(&format!("store:{digest}"), None)?,
            None => images.image(mapped, None).or_else(|error| {
                // What pipelines write is a registry's, whatever lies in the folder that this runs in.
                images.image(&format!("docker://{mapped}"), None).map_err(|_| error)
            })?,
        };
        let root = self.sandboxes.prepare(&images, &image, &Quiet)?;
        Ok(Opened { digest: image.digest(), config: image.config().config.clone(), root })
    }
}

/// The digest of an image that was baked here.
pub(super) fn stored(reference: &str) -> Option<Digest> {
    let parsed: RegistryReference = reference.parse().ok()?;
    let name = format!("{}/{}", parsed.registry, parsed.repository);
    match parsed.target {
        Target::Digest(digest) if name.starts_with(REPOSITORY) => Some(digest),
        Target::Digest(_) | Target::Tag(_) => None,
    }
}

impl Source for Rooms {
    fn open(&self, reference: &str) -> Result<Opened, Failure> {
        // One after another: several steps of one image would unpack it side by side.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(reference) {
            return Ok(known.clone());
        }
        let image = self.prepare(reference).map_err(|error| {
            let why = super::in_one_line(&error);
            let what = format!("its image {reference} cannot be had: {why}");
            Failure::new(Reason::Start, what)
        })?;
        opened.insert(reference.to_owned(), image.clone());
        Ok(image)
    }
}
