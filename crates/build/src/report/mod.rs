//! What a build made and what it saved, and what one would make: data that terminal, JSON and pages
//! show.
//!
//! Bytes on disk are contents of files, and those to pull are compressed layers, as an audit of the image
//! counts them. What a package takes of a layer that it shares is an estimate, and is called one.

mod plan;
#[cfg(test)]
mod tests;
mod weigh;

use lightship_base::{ByteSize, Digest};
use serde::{Deserialize, Serialize};

use crate::assemble::{self, Group, Layer, Origin, Stage};
use crate::lean::Footing;
use crate::prune::{self, PrunedCategory};

pub use plan::{Plan, PlannedLayer, PlannedPackage, base_words};
pub use weigh::PackageWeight;

/// A finished build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How the project was named.
    pub project: String,
    /// Where the image was written, the first as the user would call it.
    pub names: Vec<String>,
    /// What it runs on.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it stands on, in words: `Debian 12, Python 3.11.2`.
    pub base: Option<String>,
    /// What it replaces, where that is known.
    pub before: Option<Before>,
    /// What it weighs.
    pub after: Weight,
    /// How long it takes to start, where that was measured.
    pub start: Option<Start>,
    /// Its parts, from the ground up; their weights add up to its own.
    pub categories: Vec<Category>,
    /// What each package weighs, heaviest first.
    pub packages: Vec<PackageWeight>,
    /// Its layers, bottom first.
    pub layers: Vec<LayerLine>,
    /// Files that are not in it although their packages are, by kind, heaviest first.
    pub left_out: Vec<LeftOut>,
    /// Files that are in it although their kind is left out elsewhere, heaviest first.
    pub kept_on: Vec<KeptOn>,
    /// Packages of the distribution that are not in it.
    pub dropped: Vec<Dropped>,
    /// Names that several packages brought, and not with the same bytes.
    pub overlaps: Vec<Overlap>,
    /// What took how long, in its order.
    pub phases: Vec<Phase>,
    /// The whole of it, in seconds.
    pub seconds: f64,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// What stays the same as long as the same packages go into an image: kept for builds that change nothing
/// but the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What each package weighs.
    pub packages: Vec<PackageWeight>,
    /// Files that were left out.
    pub left_out: Vec<LeftOut>,
    /// Files that were not, although their kind was.
    pub kept_on: Vec<KeptOn>,
    /// Packages that were left out.
    pub dropped: Vec<Dropped>,
    /// Names that several packages brought.
    pub overlaps: Vec<Overlap>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// What an image replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    /// What it is: `the Dockerfile's image`, `churn:old`.
    pub what: String,
    /// Compressed layers, where they are known.
    pub compressed_bytes: Option<ByteSize>,
    /// Contents of files, where they are known.
    pub disk_bytes: Option<ByteSize>,
}

/// Sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// Compressed layers: what is pulled.
    pub compressed_bytes: ByteSize,
    /// Contents of files.
    pub disk_bytes: ByteSize,
    /// How many files.
    pub files: u64,
    /// How many layers.
    pub layers: u64,
}

/// How long an image takes to start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// From the start of its Python until everything is imported that the project imports, on this machine.
    pub seconds: f64,
    /// How many modules these are.
    pub modules: u64,
}

/// Part of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Which.
    #[serde(serialize_with = "stage_word")]
    pub stage: Stage,
    /// What its layers weigh.
    #[serde(flatten)]
    pub weight: Weight,
    /// How many packages are in it.
    pub packages: u64,
    /// Layers that one package has for itself.
    pub own_layers: u64,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerLine {
    /// What is in it, in words.
    pub title: String,
    /// Which part of the image it is.
    #[serde(serialize_with = "stage_word")]
    pub stage: Stage,
    /// Of its compressed bytes.
    pub digest: Digest,
    /// How many there are.
    pub compressed_bytes: ByteSize,
    /// Contents of its files.
    pub disk_bytes: ByteSize,
    /// How many files it has.
    pub files: u64,
    /// How many packages.
    pub packages: u64,
    /// Whether an earlier build made it.
    pub kept: bool,
}

/// Files of one kind that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which kind, as the user writes it to keep it.
    pub category: String,
    /// How many files.
    pub files: u64,
    /// Their contents.
    pub bytes: ByteSize,
}

/// Files of a kind that is left out elsewhere, and why these are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOn {
    /// Which kind.
    pub category: String,
    /// Whose files.
    pub package: String,
    /// How many.
    pub files: u64,
    /// Their contents.
    pub bytes: ByteSize,
    /// Why: half a sentence, with the place.
    pub why: String,
}

/// A package that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Contents of its files.
    pub bytes: ByteSize,
    /// Why: a clause that follows its name.
    pub reason: String,
}

/// A name that two packages brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The name.
    pub path: String,
    /// Whose bytes are in the image.
    pub kept: String,
    /// Whose are not.
    pub left_out: String,
}

/// A part of the work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Which: `fetch`.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
}

/// A word for programs.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn stage_word<S: serde::Serializer>(stage: &Stage, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match stage {
        Stage::Base => "base",
        Stage::Replaced => "replaced",
        Stage::System => "system",
        Stage::Packages => "packages",
        Stage::Made => "made",
        Stage::Bytecode => "bytecode",
        Stage::Project => "project",
    })
}

impl Report {
    /// A report of what layers say, and of what is known of the packages in them. Everything else (names, times)
    /// is for the caller to add.
    pub fn of(project: &str, digest: Digest, layers: &[Layer], known: Known) -> Self {
        let Known { packages, left_out, kept_on, dropped, overlaps, notes } = known;
        Self {
            project: project.to_owned(),
            names: Vec::new(),
            platform: String::new(),
            digest,
            base: None,
            before: None,
            start: None,
            after: layers.iter().fold(Weight::default(), Weight::with),
            categories: categories(layers),
            packages,
            layers: layers.iter().map(LayerLine::of).collect(),
            left_out,
            kept_on,
            dropped,
            overlaps,
            phases: Vec::new(),
            seconds: 0.0,
            notes,
        }
    }

    /// Adds a part of the work.
    pub fn phase(&mut self, name: &str, took: std::time::Duration) {
        self.phases.push(Phase { name: name.to_owned(), seconds: took.as_secs_f64() });
    }
}

impl Known {
    /// What packages weigh. `layers` are those that became of `groups`, one for each.
    pub fn of(groups: &[Group], layers: &[Layer]) -> Self {
        Self { packages: weigh::packages(groups, layers), ..Self::default() }
    }

    /// Adds files that were left out, to those of the same kind where there are some.
    pub fn leave_out(&mut self, category: &str, files: u64, bytes: ByteSize) {
        match self.left_out.iter_mut().find(|known| known.category == category) {
            Some(known) => {
                known.files += files;
                known.bytes += bytes;
            }
            None => self.left_out.push(LeftOut { category: category.to_owned(), files, bytes }),
        }
        let key = |one: &LeftOut| (std::cmp::Reverse(one.bytes), one.category.clone());
        self.left_out.sort_by_key(key);
    }

    /// Adds what pruning did and did not do.
    pub fn take_pruned(&mut self, report: &[PrunedCategory], kept: &[prune::KeptOn]) {
        for part in report {
            self.leave_out(part.category.name(), part.files as u64, part.size);
        }
        self.kept_on.extend(kept.iter().map(|kept| KeptOn {
            category: kept.category.name().to_owned(),
            package: kept.package.name.clone(),
            files: kept.files as u64,
            bytes: kept.size,
            why: kept.why.clone(),
        }));
        self.kept_on.sort_by_key(|kept| std::cmp::Reverse(kept.bytes));
    }

    /// Adds what is known of the base.
    pub fn take_base(&mut self, footing: &Footing) {
        self.dropped.extend(footing.dropped.iter().cloned());
        for one in &footing.left_out {
            self.leave_out(&one.category, one.files, one.bytes);
        }
    }

    /// Adds names that several packages brought.
    pub fn take_overlaps(&mut self, overlaps: &[assemble::Overlap]) {
        self.overlaps.extend(overlaps.iter().map(|overlap| Overlap {
            path: overlap.path.to_string(),
            kept: overlap.kept.name.clone(),
            left_out: overlap.left_out.name.clone(),
        }));
    }
}

impl Weight {
    fn with(self, layer: &Layer) -> Self {
        Self {
            compressed_bytes: self.compressed_bytes + layer.size,
            disk_bytes: self.disk_bytes + layer.content,
            files: self.files + layer.files,
            layers: self.layers + 1,
        }
    }
}

impl LayerLine {
    fn of(layer: &Layer) -> Self {
        Self {
            title: layer.title.clone(),
            stage: layer.stage,
            digest: layer.digest,
            compressed_bytes: layer.size,
            disk_bytes: layer.content,
            files: layer.files,
            packages: layer.packages.len() as u64,
            kept: layer.origin == Origin::Kept,
        }
    }
}

fn categories(layers: &[Layer]) -> Vec<Category> {
    let mut categories: Vec<Category> = Vec::new();
    for layer in layers {
        let packages = layer.packages.len() as u64;
        let own = u64::from(packages == 1);
        match categories.iter_mut().find(|known| known.stage == layer.stage) {
            Some(known) => {
                known.weight = known.weight.with(layer);
                known.packages += packages;
                known.own_layers += own;
            }
            None => categories.push(Category {
                stage: layer.stage,
                weight: Weight::default().with(layer),
                packages,
                own_layers: own,
            }),
        }
    }
    categories.sort_by_key(|category| category.stage);
    categories
}
