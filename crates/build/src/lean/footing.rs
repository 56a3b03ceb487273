//! What an image's packages are laid onto: a base of distribution packages, the same with an interpreter
//! from an archive, or an image that somebody else made. To the rest of the build they are one thing.

use std::collections::BTreeSet;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::Parcel;

use crate::base::{NativeBase, Python};
use crate::foreign::{Foreign, Settled};
use crate::interpreter::Interpreter;
use crate::native::{self, Links, Missing};
use crate::notebooks::Notebooks;
use crate::report::{Dropped, LeftOut};

/// What packages are laid onto.
#[derive(Debug, Clone, Default)]
pub struct Footing {
    /// The interpreter, and where it wants distributions.
    pub python: Option<Python>,
    /// Variables that its programs need, by name. An image below has its own in its config.
    pub environment: Vec<(String, String)>,
    /// Packages that are not in the image although something named them.
    pub dropped: Vec<Dropped>,
    /// Files of its own packages that are not in the image.
    pub left_out: Vec<LeftOut>,
    /// The image below, where there is one.
    pub below: Option<Below>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// An image below.
#[derive(Debug, Clone)]
pub struct Below {
    /// Its files, without those that give way.
    pub files: Parcel,
    /// Records of its distributions that give way.
    pub replaced: BTreeSet<String>,
    /// Folders where its Python finds distributions.
    pub sites: Vec<RootPath>,
    /// `LD_LIBRARY_PATH` of its config.
    pub library_path: Option<String>,
}

impl Footing {
    /// Takes what is known of a base whose parcels are on their way into layers.
    pub fn of_packages(base: &NativeBase) -> Self {
        let dropped = base.dropped.iter().map(|dropped| Dropped {
            name: dropped.package.name.clone(),
            version: dropped.package.version.clone(),
            bytes: dropped.bytes,
            reason: dropped.reason.to_string(),
        });
        let left_out = base.left_out.iter().map(|one| LeftOut {
            category: one.category.name().to_owned(),
            files: one.files,
            bytes: one.bytes,
        });
        Self {
            python: base.python.clone(),
            environment: base.environment.clone(),
            dropped: dropped.collect(),
            left_out: left_out.collect(),
            below: None,
            notes: Vec::new(),
        }
    }

    /// Adds an interpreter that came as an archive.
    pub fn take_interpreter(&mut self, interpreter: Interpreter) {
        self.python = Some(interpreter.python);
        self.dropped.extend(interpreter.dropped);
        self.left_out.extend(interpreter.left_out);
    }

    /// An image below, of which something gives way.
    pub fn of_image(image: &Foreign, settled: &Settled) -> Self {
        Self {
            python: image.python.clone(),
            below: Some(Below {
                files: image.names.without(&settled.gone),
                replaced: settled.replaced.clone(),
                sites: image.sites.clone(),
                library_path: image.library_path.clone(),
            }),
            notes: settled.notes.clone(),
            ..Self::default()
        }
    }

    /// How the needs of native code in these parcels are met by them and by what is below. What the image
    /// below lacks for itself is its maker's affair.
    pub fn links(
        &self,
        mut parcels: Vec<Parcel>,
        asked: Vec<String>,
        notebooks: &Notebooks,
    ) -> Links {
        let notebooks = notebooks.clone();
        let Some(below) = &self.below else {
            let options = native::Options { library_path: None, asked, notebooks };
            return native::resolve(&parcels, &options);
        };
        let own = below.files.package.clone();
        parcels.insert(0, below.files.clone());
        let library_path = below.library_path.clone();
        let mut links =
            native::resolve(&parcels, &native::Options { library_path, asked, notebooks });
        links.missing.retain(|missing| missing.package != own);
        links.unread.retain(|unread| unread.package != own);
        links.unneeded.clear();
        let of_others = |file: &RootPath| links.files.get(file).filter(|one| one.package != own);
        let is_site = |path: &RootPath| below.sites.iter().any(|site| path.starts_with(site));
        let mut assumed = Vec::new();
        for one in std::mem::take(&mut links.assumed) {
            let Some(user) = of_others(&one.file) else { continue };
            let of_image = links.files.get(&one.found).is_some_and(|found| found.package == own);
            if of_image && !is_site(&one.found) {
                // Nothing imports a library that lies anywhere.
                let (file, library, package) = (one.file, one.library, user.package.clone());
                links.missing.push(Missing { file, library, package });
            } else {
                assumed.push(one);
            }
        }
        links.assumed = assumed;
        links.missing.sort();
        links
    }
}
