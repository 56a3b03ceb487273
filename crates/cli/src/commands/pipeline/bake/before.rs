//! What images weigh that steps name: read where they can be had, and not known elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_build::bake::{Base, Fate, Steps};

use super::oven::Baked;
use crate::images::Images;
use crate::settings::Settings;

/// A registry that has not answered when everything is baked is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks for the weight of images while others work.
pub(super) struct Before(Receiver<(String, ByteSize)>);

impl Before {
    /// Begins to ask for those that nothing here is built on: the store, and unless `offline` the registries.
    pub(super) fn ask(steps: &Steps, settings: &Settings, plain_http: bool, offline: bool) -> Self {
        let native = steps.steps.iter().filter(|step| match &step.fate {
            Fate::Baked { environment, .. } => {
                matches!(steps.environments[*environment].base, Base::Native { .. })
            }
            Fate::Kept(_) => false,
        });
        let names: BTreeSet<String> = native.map(|step| step.image.clone()).collect();
        let (sender, receiver) = channel();
        for name in names {
            let (settings, sender) = (settings.clone(), sender.clone());
            // Whoever does not wait for the answer ends without it. Without a thread the weight is not known.
            let _ = thread::Builder::new().name("weigh".to_owned()).spawn(move || {
                let images = Images::new(&settings, plain_http);
                let here = images.image(&format!("store:{name}"), None).ok();
                let there = || images.image(&format!("docker://{name}"), None).ok();
                if let Some(image) = here.or_else(|| (!offline).then(there).flatten()) {
                    let layers = &image.manifest().layers;
                    // Nobody may be there to hear it.
                    let _ =
                        sender.send((name, layers.iter().map(|layer| ByteSize(layer.size)).sum()));
                }
            });
        }
        Self(receiver)
    }

    /// What is known by now, by the names of images.
    pub(super) fn known(
        self,
        steps: &Steps,
        baked: &[Option<Baked>],
    ) -> BTreeMap<String, ByteSize> {
        let mut known = BTreeMap::new();
        for step in &steps.steps {
            let Fate::Baked { environment, .. } = &step.fate else { continue };
            let built = baked.get(*environment).and_then(Option::as_ref);
            if let Some(built) = built.filter(|built| built.below > 0) {
                let below = built.layers.iter().take(built.below);
                known.insert(step.image.clone(), below.map(|(_, size)| *size).sum());
            }
        }
        // It ends where all have answered, or none will any more.
        while let Ok((name, size)) = self.0.recv_timeout(PATIENCE) {
            known.insert(name, size);
        }
        known
    }
}
