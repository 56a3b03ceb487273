//! Where the images of steps come from on this machine: those that were baked, what the project maps names to, and
//! registries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lightship_base::{Digest, Quiet};
use lightship_engine::{Failure, Reason};
use lightship_exec::{Images as Source, Opened};
use lightship_oci::reference::{RegistryReference, Target};

use super::bake::oven::REPOSITORY;
use super::here::spelled;
use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::Settings;

/// How the files of an image lie on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Layer by layer, for who can stack them.
    Stacked,
    /// All of it in one folder.
    OneFolder,
}

/// Opens images, each once.
pub(super) struct Rooms {
    settings: Settings,
    plain_http: bool,
    /// Whether no registry is asked.
    offline: bool,
    sandboxes: Arc<Sandboxes>,
    layout: Layout,
    /// What stands for an image, by one spelling of what pipelines call it.
    mapped: BTreeMap<String, String>,
    /// What stands for another has nothing stand for it.
    stands: BTreeSet<String>,
    opened: Mutex<HashMap<String, Room>>,
}

/// An image that somebody opens: whoever else wants it waits at its own door, and at no other's.
type Room = Arc<Mutex<Option<Opened>>>;

impl Rooms {
    pub(super) fn new(
        (settings, plain_http, offline): (Settings, bool, bool),
        sandboxes: Arc<Sandboxes>,
        layout: Layout,
        mapped: BTreeMap<String, String>,
    ) -> Self {
        let stands = mapped.values().cloned().collect();
        let opened = Mutex::default();
        Self { settings, plain_http, offline, sandboxes, layout, mapped, stands, opened }
    }

    /// What is opened for an image.
    fn stand<'a>(&'a self, reference: &'a str) -> &'a str {
        if self.stands.contains(reference) {
            return reference;
        }
        self.mapped.get(&spelled(reference)).map_or(reference, String::as_str)
    }

    fn prepare(&self, reference: &str) -> Result<Opened, Error> {
        let images = Images::new(&self.settings, self.plain_http);
        let settled = self.stands.contains(reference) || !is_name(reference);
        let image = match stored(reference) {
            Some(digest) => images.image(&format!("store:{digest}"), None)?,
            None if settled => images.image(reference, None)?,
            // What pipelines write is a registry's, whatever lies in the folder that this runs in.
            None => match images.image(&format!("store:{reference}"), None) {
                Err(_) if !self.offline => images.image(&format!("docker://{reference}"), None)?,
                known => known?,
            },
        };
        let root = match self.layout {
            Layout::Stacked => self.sandboxes.prepare(&images, &image, &Quiet)?,
            Layout::OneFolder => self.sandboxes.prepare_flat(&images, &image, &Quiet)?,
        };
        Ok(Opened { digest: image.digest(), config: image.config().config.clone(), root })
    }

    fn room(&self, reference: &str) -> Room {
        Arc::clone(held(&self.opened).entry(reference.to_owned()).or_default())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this is what a registry calls an image, and not a place on this machine.
fn is_name(reference: &str) -> bool {
    reference.parse::<RegistryReference>().is_ok()
}

/// The digest of an image that was baked here.
pub(super) fn stored(reference: &str) -> Option<Digest> {
    let parsed: RegistryReference = reference.parse().ok()?;
    let name = format!("{}/{}", parsed.registry, parsed.repository);
    match parsed.target {
        Target::Digest(digest) if name.starts_with(&format!("{REPOSITORY}/")) => Some(digest),
        Target::Digest(_) | Target::Tag(_) => None,
    }
}

impl Source for Rooms {
    fn open(&self, reference: &str) -> Result<Opened, Failure> {
        let stand = self.stand(reference);
        let room = self.room(stand);
        // Several steps of one image would unpack it side by side.
        let mut opened = held(&room);
        if let Some(known) = &*opened {
            return Ok(known.clone());
        }
        let image = self.prepare(stand).map_err(|error| {
            let why = super::in_one_line(&error);
            let what = if stand == reference {
                format!("its image {reference} cannot be had: {why}")
            } else {
                format!("{stand}, which stands for its image {reference}, cannot be had: {why}")
            };
            let out = "an image that is there can stand for it: [images] in lightship.toml";
            Failure::new(Reason::Start, format!("{what}; {out}"))
        })?;
        *opened = Some(image.clone());
        Ok(image)
    }
}
