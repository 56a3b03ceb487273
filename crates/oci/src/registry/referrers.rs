//! What belongs to an image: signatures, attestations, bills of materials.
//! *distribution-spec 1.1, Listing Referrers; Referrers Tag Schema*.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use lightship_base::Digest;
use lightship_net::Request;
use serde_json::Map;

use super::client::Registry;
use crate::Error;
use crate::artifact::entry;
use crate::spec::{Descriptor, Flavour, Index, MAX_MANIFEST_BYTES, ManifestKind, MediaType};

/// How often the index behind a tag is written again when somebody else wrote it at the same moment.
const WRITE_ATTEMPTS: u32 = 4;

impl Registry {
    /// Descriptors of everything that belongs to `subject`, with `artifactType` and annotations; only
    /// those of one artifact type if it is given. A subject that nobody knows has no referrers.
    pub fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let mut url = self.endpoint(repository, &format!("referrers/{subject}"));
        if let Some(kind) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", kind);
        }
        let request = Request::get(url).header("accept", &index_type().to_string())?;
        let what = format!("the list of referrers of {subject}");
        let mut found = Vec::new();
        let listed = self.each_page(&request, repository, MAX_MANIFEST_BYTES, |page| {
            let index: Index = serde_json::from_slice(page)
                .map_err(|source| Error::Json { what: what.clone(), source })?;
            found.extend(index.manifests);
            Ok(())
        });
        match listed {
            // Registries of before 1.1 do not know the address at all.
            Err(Error::Net(error)) if matches!(error.status(), Some(404 | 405)) => {
                found = self.tagged_referrers(repository, subject)?.manifests;
            }
            other => other?,
        }
        // A registry may ignore the filter.
        found.retain(|one| artifact_type.is_none_or(|kind| one.artifact_type() == Some(kind)));
        Ok(found)
    }

    /// Adds a manifest to the index behind the tag `sha256-<hex>` of its subject, for registries that
    /// keep no list themselves. The specification offers no lock: what is read back afterwards tells
    /// whether somebody else wrote in between, and then it is done again.
    pub(super) fn record_referrer(
        &self,
        repository: &str,
        subject: &Digest,
        descriptor: &Descriptor,
        manifest: &[u8],
    ) -> Result<(), Error> {
        let entry = entry(descriptor, manifest)?;
        let tag = tag(subject);
        let listed = |index: &Index| index.manifests.iter().any(|one| one.digest == entry.digest);
        // Our own threads at least can wait for each other.
        let _turn = self.referrers.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..WRITE_ATTEMPTS {
            let mut index = self.tagged_referrers(repository, subject)?;
            if listed(&index) {
                return Ok(());
            }
            index.manifests.push(entry.clone());
            let bytes = serde_json::to_vec(&index)
                .map_err(|source| Error::Json { what: format!("the index of {tag}"), source })?;
            let described = Descriptor::of(index_type(), &bytes);
            self.put_manifest_bytes(repository, &tag, &described, &bytes)?;
        }
        if listed(&self.tagged_referrers(repository, subject)?) {
            return Ok(());
        }
        let reason = "others keep writing it at the same time; push again";
        Err(Error::invalid(format!("the list of referrers {repository}:{tag}"), reason))
    }

    /// The index behind the tag; an empty one where there is none. An image that happens to have the
    /// tag is not ours to overwrite.
    fn tagged_referrers(&self, repository: &str, subject: &Digest) -> Result<Index, Error> {
        let tag = tag(subject);
        let what = format!("{repository}:{tag}");
        let bytes = match self.manifest(repository, &tag, &what) {
            Ok((_, bytes)) => bytes,
            Err(Error::NotFound { .. }) => return Ok(empty_index()),
            Err(error) => return Err(error),
        };
        match ManifestKind::parse(&bytes) {
            Ok(ManifestKind::Index(index)) => Ok(index),
            Ok(ManifestKind::Manifest(_)) => {
                Err(Error::invalid(what, "it should be a list of referrers, but is an image"))
            }
            Err(source) => Err(Error::Json { what, source }),
        }
    }
}

/// *Referrers Tag Schema*: the algorithm, a dash, the hex digits.
fn tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

fn index_type() -> MediaType {
    MediaType::Index(Flavour::Oci)
}

fn empty_index() -> Index {
    Index {
        schema_version: 2,
        media_type: Some(index_type()),
        manifests: Vec::new(),
        annotations: BTreeMap::new(),
        extra: Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_subject_is_one() {
        let digest = Digest::of(b"");
        assert_eq!(tag(&digest), digest.to_string().replace(':', "-"));
    }
}
