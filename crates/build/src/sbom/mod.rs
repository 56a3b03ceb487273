//! The bill of materials of an image (*`CycloneDX` 1.6*).
//!
//! Of an image that was built here it is exact by construction: a component is a package that was put
//! into a layer, under the digest that the lock holds for its file. It says nothing about what others
//! compiled into their wheels, and has nothing that was left out. Of any other image it is what the
//! image itself says to have, and says so.
//!
//! The same image has the same document: its serial number follows from its content, its time is that
//! of the source.

mod built;
mod facts;
mod graph;
mod licence;
mod model;
mod read;
#[cfg(test)]
mod schema;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lightship_oci::artifact::{Artifact, CREATED};
use lightship_oci::spec::Descriptor;

pub(crate) use built::release;
pub use built::{Made, of_build};
pub use facts::{Facts, PackageFacts};
pub use licence::Licence;
pub use model::Sbom;
pub use read::{ReadFrom, of_image};
pub use summary::{Line, Summary};

/// The media type of the document, and the type of the artifact that it is attached as.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

impl Sbom {
    /// The document, as something that belongs to the image.
    pub fn artifact(&self, image: &Descriptor) -> Artifact {
        let created = self.created().map(|time| (CREATED.to_owned(), time.to_owned()));
        let annotations: BTreeMap<String, String> = created.into_iter().collect();
        Artifact::about(image, MEDIA_TYPE, self.to_json(), annotations)
    }
}
