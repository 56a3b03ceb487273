//! What a build would make, as far as the lock alone can say. A lock knows what its files weigh, and not
//! what they unpack to: which small packages will share a layer is therefore an estimate.

use lightship_base::ByteSize;
use lightship_packages::lock::{Deb, Lock};
use serde::Serialize;

use super::stage_word;
use crate::assemble::{Grouping, Stage};
use crate::sbom::release;

/// What would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How the project was named.
    pub project: String,
    /// What the image would run on.
    pub platform: String,
    /// What it would stand on, in words: `Debian 12, Python 3.11.2`.
    pub base: Option<String>,
    /// Which Python, and why this one.
    pub python: Option<String>,
    /// Its layers, bottom first.
    pub layers: Vec<PlannedLayer>,
    /// Bytes of all the files that are needed, where the lock knows the size of each.
    pub download_bytes: Option<ByteSize>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedLayer {
    /// What would be in it, in words.
    pub title: String,
    /// Which part of the image it would be.
    #[serde(serialize_with = "stage_word")]
    pub stage: Stage,
    /// Its packages, by name.
    pub packages: Vec<PlannedPackage>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Bytes of its file, where the lock knows.
    pub file_bytes: Option<ByteSize>,
    /// Why it is here, where the lock says.
    pub reason: Option<String>,
}

/// Wheels are zip archives; unpacked, those of native code and Python have some three times their bytes.
const UNPACKED: u64 = 3;

impl Plan {
    /// The layers that a lock's part for one platform ([`Lock::only_for`]) leads to. Some of what it names
    /// will be left out as nothing runs it; that shows when it is opened.
    pub fn of(project: &str, lock: &Lock, grouping: Grouping) -> Self {
        let mut layers = Vec::new();
        let debs: Vec<PlannedPackage> = lock.debs.iter().map(deb).collect();
        if !debs.is_empty() {
            let title = "packages of the distribution".to_owned();
            layers.push(PlannedLayer { title, stage: Stage::Base, packages: debs });
        }
        let mut notes = Vec::new();
        if let Some(image) = lock.images.first() {
            let title = format!("the layers of {}, as they are", image.reference);
            layers.push(PlannedLayer { title, stage: Stage::Base, packages: Vec::new() });
            let note = "the base image's own bytes are not counted; what it has of these packages in the same version is not added";
            notes.push(note.to_owned());
        }
        let python = python_packages(lock);
        layers.extend(python_layers(python, grouping));
        let sizes = layers.iter().flat_map(|layer| &layer.packages);
        let download: Option<ByteSize> = sizes.map(|package| package.file_bytes).sum::<Option<_>>();
        let project_layer = PlannedLayer {
            title: Stage::Project.as_str().to_owned(),
            stage: Stage::Project,
            packages: Vec::new(),
        };
        layers.push(project_layer);
        Self {
            project: project.to_owned(),
            platform: lock.platforms.first().map(ToString::to_string).unwrap_or_default(),
            base: base_words(lock),
            python: lock.python.as_ref().map(|one| format!("{} ({})", one.version, one.chosen)),
            layers,
            download_bytes: download,
            notes,
        }
    }
}

/// What an image of this lock stands on: `Debian 12, Python 3.11.2`.
pub fn base_words(lock: &Lock) -> Option<String> {
    let suite = lock.suite.as_ref().map(|suite| {
        let release = release(suite);
        let mut letters = suite.distribution.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        format!("{}{} {release}", first.map(String::from).unwrap_or_default(), letters.as_str())
    });
    let image = lock
        .images
        .first()
        .map(|image| format!("the image {} ({})", image.reference, image.digest.short()));
    let python = lock.python.as_ref().map(|python| format!("Python {}", python.version));
    let words: Vec<String> = suite.or(image).into_iter().chain(python).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn deb(deb: &Deb) -> PlannedPackage {
    PlannedPackage {
        name: deb.name.clone(),
        version: deb.version.clone(),
        file_bytes: Some(ByteSize(deb.size)),
        reason: (!deb.reason.is_empty()).then(|| deb.reason.clone()),
    }
}

fn python_packages(lock: &Lock) -> Vec<PlannedPackage> {
    let package =
        |name: &str, version: &str, size: Option<u64>, reason: Option<&str>| PlannedPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            file_bytes: size.map(ByteSize),
            reason: reason.map(str::to_owned),
        };
    let wheels =
        lock.wheels.iter().map(|one| package(&one.name, &one.version, one.file.size, None));
    let sdists = lock.sdists.iter().map(|one| {
        let reason = match one.built {
            Some(_) => "comes as source; its wheel is built already",
            None => "comes as source, and is built first",
        };
        package(&one.name, &one.version, one.file.size, Some(reason))
    });
    wheels.chain(sdists).collect()
}

fn python_layers(mut packages: Vec<PlannedPackage>, grouping: Grouping) -> Vec<PlannedLayer> {
    let bytes = |one: &PlannedPackage| one.file_bytes.map_or(0, ByteSize::bytes);
    packages.sort_by(|a, b| (bytes(b), &a.name).cmp(&(bytes(a), &b.name)));
    let heavy =
        packages.iter().take_while(|one| bytes(one).saturating_mul(UNPACKED) >= grouping.heavy);
    let own = heavy.count().min(grouping.single());
    let mut small = packages.split_off(own);
    small.sort_by(|a, b| a.name.cmp(&b.name));
    let layer = |title: String, packages| PlannedLayer { title, stage: Stage::Packages, packages };
    let mut layers: Vec<PlannedLayer> = (packages.into_iter())
        .map(|one| layer(format!("{} {}", one.name, one.version), vec![one]))
        .collect();
    let unpacked = |one: &PlannedPackage| bytes(one).saturating_mul(UNPACKED);
    let small = small.into_iter().map(|one| (unpacked(&one), one.name.clone(), one)).collect();
    layers.extend(grouping.parts(small).into_iter().map(|part| match &part[..] {
        [only] => layer(format!("{} {}", only.name, only.version), part),
        several => layer(format!("{} small packages", several.len()), part),
    }));
    layers
}
