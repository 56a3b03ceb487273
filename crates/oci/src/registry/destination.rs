//! Pushing.

use lightship_base::TransferOutcome;
use lightship_net::{Head, Method, Request};

use super::auth::Access;
use super::blob_bytes::BlobBytes;
use super::upload::Upload;
use super::{Registry, RegistryImage};
use crate::reference::Target;
use crate::spec::Descriptor;
use crate::{Destination, Error, OpenBlob, artifact};

impl Destination for RegistryImage {
    fn name(&self) -> String {
        self.shown()
    }

    /// `advance` is told of each byte once, even where a broken connection makes it travel twice.
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        origin: Option<&(String, String)>,
        open: OpenBlob<'_>,
        advance: &dyn Fn(u64),
    ) -> Result<TransferOutcome, Error> {
        let same_registry = |origin: &&(String, String)| origin.0 == self.registry.name();
        let from = origin.filter(same_registry).map(|(_, repository)| repository.as_str());
        let bytes = BlobBytes::new(descriptor, open, advance);
        Upload::new(&self.registry, &self.reference.repository, descriptor, bytes).run(from)
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        let repository = &self.reference.repository;
        let subject = artifact::subject(bytes);
        // One that belongs to another manifest is sent again even if it is there: the push that brought
        // it may have ended before the list of referrers was written.
        if subject.is_none() && self.registry.has_manifest(repository, descriptor)? {
            return Ok(());
        }
        self.registry.put_manifest(repository, &descriptor.digest.to_string(), descriptor, bytes)
    }

    fn finish(&self, root: &Descriptor, root_bytes: &[u8]) -> Result<(), Error> {
        let target = match &self.reference.target {
            Target::Tag(tag) => tag.clone(),
            Target::Digest(digest) if *digest == root.digest => digest.to_string(),
            Target::Digest(_) => {
                let reason = format!("the image to push is {}", root.digest);
                return Err(Error::invalid(self.shown(), reason));
            }
        };
        self.registry.put_manifest(&self.reference.repository, &target, root, root_bytes)
    }
}

impl Registry {
    fn has_manifest(&self, repository: &str, descriptor: &Descriptor) -> Result<bool, Error> {
        let url = self.endpoint(repository, &format!("manifests/{}", descriptor.digest));
        let request =
            Request::new(Method::HEAD, url).header("accept", &descriptor.media_type.to_string())?;
        let response = self.send(&request, &Access::push(repository))?;
        match response.status() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.refusal(response).into()),
        }
    }

    /// *Pushing Manifests*, and what *Pushing Manifests with Subject* asks of the client.
    fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        descriptor: &Descriptor,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let head = self.put_manifest_bytes(repository, reference, descriptor, bytes)?;
        match artifact::subject(bytes) {
            Some(subject) if head.header("oci-subject").is_none() => {
                self.record_referrer(repository, &subject, descriptor, bytes)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn put_manifest_bytes(
        &self,
        repository: &str,
        reference: &str,
        descriptor: &Descriptor,
        bytes: &[u8],
    ) -> Result<Head, Error> {
        let url = self.endpoint(repository, &format!("manifests/{reference}"));
        let request = Request::new(Method::PUT, url)
            .header("content-type", &descriptor.media_type.to_string())?
            .body(bytes);
        let response = self.send(&request, &Access::push(repository))?;
        match response.status() {
            200..=299 => Ok(response.head),
            _ => Err(self.refusal(response).into()),
        }
    }
}
