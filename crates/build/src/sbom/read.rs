//! The bill of an image that somebody else made: what it says to have.

use lightship_base::{Digest, Timestamp};
use lightship_oci::spec::Platform;
use lightship_packages::{Ecosystem, Inventory, Linked, Package};

use super::model::{Aggregate, Component, Kind, Parts, Phase, Sbom};

/// An image, and what was found in it.
#[derive(Debug, Clone, Copy)]
pub struct ReadFrom<'a> {
    /// What is installed; layers counted from 0, as [`lightship_packages::inventory`] counts them.
    pub inventory: &'a Inventory,
    /// Digests of the layers as they are stored, lowest first.
    pub layers: &'a [Digest],
    /// The digest of the image's manifest.
    pub image: Digest,
    /// What the image runs on.
    pub platform: &'a Platform,
    /// What the image is called.
    pub name: &'a str,
    /// The time that the image carries, if any.
    pub created: Option<Timestamp>,
}

/// The bill of materials of an image that is there already. It has no hashes of packages and no edges
/// between them: an image does not say them.
pub fn of_image(found: &ReadFrom<'_>) -> Sbom {
    let mut subject = Component::image(found.name, &found.image, found.platform);
    subject.note("lightship:known-from", "read from the image");
    let mut components: Vec<Component> =
        found.inventory.packages.iter().map(|package| component(package, found.layers)).collect();
    components.sort_by(|a, b| {
        let key = |one: &Component| (one.purl.clone(), one.name.clone(), one.properties.clone());
        key(a).cmp(&key(b))
    });
    // The schema wants each once, and images have been seen to list a module twice.
    components.dedup();
    Sbom::new(Parts {
        created: found.created,
        phase: Phase::PostBuild,
        subject,
        components,
        dependencies: Vec::new(),
        aggregate: Aggregate::Unknown,
    })
}

fn component(package: &Package, layers: &[Digest]) -> Component {
    let kind = match package.ecosystem {
        Ecosystem::Go | Ecosystem::Cargo => Kind::Application,
        Ecosystem::Deb | Ecosystem::Apk | Ecosystem::PyPi | Ecosystem::Npm => Kind::Library,
    };
    let mut component = Component {
        version: package.version.clone(),
        purl: package.purl.clone(),
        ..Component::new(kind, &package.name)
    };
    component.note("lightship:evidence", &package.evidence);
    if let Some(layer) = package.layer.and_then(|layer| layers.get(layer)) {
        component.note("lightship:layer", layer.to_string());
    }
    for note in &package.notes {
        component.note("lightship:note", note.to_string());
    }
    if let Some(source) = &package.source {
        let version = source.version.as_ref().map(|version| format!(" {version}"));
        component
            .note("lightship:source", format!("{}{}", source.name, version.unwrap_or_default()));
    }
    let mut linked: Vec<&Linked> = package.linked.iter().collect();
    linked.sort_by_key(|linked| &linked.purl);
    linked.dedup();
    component.components = (linked.into_iter())
        .map(|linked| Component {
            version: linked.version.clone(),
            purl: Some(linked.purl.clone()),
            ..Component::new(Kind::Library, &linked.name)
        })
        .collect();
    component
}
