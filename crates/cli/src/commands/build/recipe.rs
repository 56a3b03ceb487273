//! What became of a lock: its layers, so that a build that changes nothing but the project opens no package.

use lightship_base::{Key, Timestamp};
use lightship_build::app::Collected;
use lightship_build::assemble::{Layer, Origin};
use lightship_build::native;
use lightship_build::prune;
use lightship_build::report::Known;
use lightship_build::sbom::Facts;
use lightship_cas::{Lease, RefKind, RefValue};
use lightship_codec::compression::CompressionLevel;
use lightship_packages::lock::{Inputs, Lock};
use serde::{Deserialize, Serialize};

use super::occupied::Occupied;
use super::{ProjectPlan, bytecode};
use crate::commands::Error;

/// Recipes by their keys.
pub(in crate::commands) const RECIPES: RefKind = RefKind::new("recipes");

/// Changes whenever the same lock would become other layers.
const RULES: u32 = 7;

/// All layers but the project's, and what is known of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recipe {
    pub(super) layers: Vec<Layer>,
    pub(super) facts: Facts,
    pub(super) environment: Vec<(String, String)>,
    pub(super) known: Known,
    pub(super) occupied: Occupied,
}

/// What the layers of packages follow from.
pub(super) fn key(
    (plan, lock): (&ProjectPlan, &Lock),
    compression: CompressionLevel,
    created: Timestamp,
    collected: &Collected,
) -> Result<String, Error> {
    let mut key = Key::of("recipe").with(env!("CARGO_PKG_VERSION"));
    key.number(RULES);
    // The packages, not what they were chosen from: that is in the lock only to be compared.
    key.add(Lock { inputs: Inputs::default(), ..lock.clone() }.to_toml()?);
    key.add(format!("{:?}", plan.wishes));
    key.add(format!("{:?}", plan.keep));
    key.add(plan.platform.as_str());
    key.add(format!("{:?}", plan.grouping()));
    key.add(format!("{:?}", plan.project.settings.python.bytecode));
    key.add(compression.to_string());
    key.add(created.to_string());
    let seeds = bytecode::seeds(plan, collected)?;
    key.number(seeds.iter().count() as u64);
    for seed in seeds.iter() {
        key.add(seed);
    }
    let influence =
        prune::influence(&collected.parcel).map_err(lightship_build::lean::Error::from)?;
    key.add(influence.to_string());
    key.add(native::influence(&collected.parcel).to_string());
    Ok(key.finish().hex())
}

impl Recipe {
    /// One that an earlier build left, if all its layers are still there.
    pub(super) fn find(lease: &Lease, key: &str) -> Result<Option<Self>, Error> {
        let Some(value) = lease.pin(RECIPES, key)? else { return Ok(None) };
        let Ok(mut recipe) = serde_json::from_value::<Self>(value.data) else { return Ok(None) };
        for layer in &mut recipe.layers {
            if lease.cas().size(&layer.digest)? != Some(layer.size.0) {
                return Ok(None);
            }
            layer.origin = Origin::Kept;
        }
        Ok(Some(recipe))
    }

    /// Leaves it for the next build.
    pub(super) fn keep(&self, lease: &Lease, key: &str) -> Result<(), Error> {
        let roots = self.layers.iter().map(|layer| layer.digest).collect();
        let data = serde_json::to_value(self).expect("its keys are strings");
        Ok(lease.cas().set_ref(RECIPES, key, &RefValue { roots, data })?)
    }
}
