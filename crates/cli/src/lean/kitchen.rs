//! Everything that locking and building share: where packages come from, where commands run.

use std::sync::Arc;

use lightship_base::Progress;
use lightship_build::lean::{self, Gathered, Wishes};
use lightship_packages::fetch::Logins;
use lightship_packages::index::Index;
use lightship_packages::lock::{Lock, PlatformName};

use super::{Finder, Supplies};
use crate::commands::Error;
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::settings::{AptFiles, Settings};

/// Locks and builds.
pub struct Kitchen<'a> {
    /// What the environment says.
    pub settings: &'a Settings,
    /// The store.
    pub images: &'a Images<'a>,
    /// Where commands run.
    pub sandboxes: &'a Sandboxes,
    /// Where files come from.
    pub supplies: Supplies,
    /// Which platform is built for.
    pub platform: PlatformName,
    /// Who watches.
    pub progress: Arc<dyn Progress>,
}

impl<'a> Kitchen<'a> {
    /// Opens the store and reads the machine's configuration; asks nobody yet.
    pub fn open(
        settings: &'a Settings,
        images: &'a Images<'a>,
        sandboxes: &'a Sandboxes,
        apt: &AptFiles,
        logins: Arc<dyn Logins>,
        (platform, offline): (PlatformName, bool),
        progress: Arc<dyn Progress>,
    ) -> Result<Self, Error> {
        let supplies = Supplies::open(images, settings, apt, logins, offline)?;
        Ok(Self { settings, images, sandboxes, supplies, platform, progress })
    }

    /// Fetches what a lock names, and opens it.
    pub fn gather(
        &self,
        lock: &Lock,
        wishes: &Wishes,
        indexes: &(dyn Fn() -> Result<Vec<Index>, lean::Error> + Sync),
    ) -> Result<Gathered, Error> {
        let architecture = self.platform.architecture();
        let suite = lock.suite.as_ref().map_or("", |suite| suite.codename.as_str());
        let progress = &*self.progress;
        let finder = Finder::new(&self.supplies, architecture, suite, indexes, progress);
        let fetched = lean::fetch(lock, &self.supplies.fetcher, &finder, progress)?;
        Ok(lean::gather(lock, &fetched, wishes, self.images.scratch()?)?)
    }
}
