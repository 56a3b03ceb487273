//! Pulling.

use std::sync::Arc;
use std::sync::PoisonError;

use lightship_base::Digest;
use lightship_net::{Part, RangeAsk, Request, Response, Resumable, Validator, Want};

use super::auth::Access;
use super::{Registry, RegistryImage};
use crate::reference::Target;
use crate::spec::{Descriptor, Flavour, MAX_MANIFEST_BYTES, ManifestKind, MediaType};
use crate::{BlobReader, Error, Source};

/// Everything that we can read; a registry converts or refuses what is not in the list.
fn accepted() -> String {
    let kinds = [
        MediaType::Index(Flavour::Oci),
        MediaType::Manifest(Flavour::Oci),
        MediaType::Index(Flavour::Docker),
        MediaType::Manifest(Flavour::Docker),
    ];
    kinds.map(|kind| kind.to_string()).join(", ")
}

impl Source for RegistryImage {
    fn name(&self) -> String {
        self.shown()
    }

    fn root(&self) -> Result<Descriptor, Error> {
        // Held while fetching: threads that ask together must get the same answer.
        let mut root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((descriptor, _)) = &*root {
            return Ok(descriptor.clone());
        }
        let repository = &self.reference.repository;
        let (descriptor, bytes) = match &self.reference.target {
            Target::Tag(tag) => self.registry.manifest(repository, tag, &self.shown())?,
            Target::Digest(digest) => {
                let found =
                    self.registry.manifest(repository, &digest.to_string(), &self.shown())?;
                check_digest(&self.shown(), *digest, found.0.digest)?;
                found
            }
        };
        *root = Some((descriptor.clone(), bytes));
        Ok(descriptor)
    }

    fn document(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        if let Some((known, bytes)) = &*self.root.lock().unwrap_or_else(PoisonError::into_inner)
            && known.digest == descriptor.digest
            && bytes.len() as u64 <= limit
        {
            return Ok(bytes.clone());
        }
        let what = format!("{} of {}", descriptor.digest, self.shown());
        if descriptor.size > limit {
            let reason = format!("it has {} bytes; {limit} are acceptable", descriptor.size);
            return Err(Error::invalid(what, reason));
        }
        let bytes = self.registry.document(&self.reference.repository, descriptor, &what)?;
        let actual = bytes.len() as u64;
        if actual != descriptor.size {
            return Err(Error::SizeMismatch { what, expected: descriptor.size, actual });
        }
        check_digest(&what, descriptor.digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobReader, Error> {
        let registry = Arc::clone(&self.registry);
        let access = Access::pull(&self.reference.repository);
        let url = registry.blob_url(&self.reference.repository, &descriptor.digest);
        let open = move |ask: &RangeAsk| {
            let mut request = Request::get(url.clone());
            for (name, value) in ask.headers() {
                request = request.header(name, &value)?;
            }
            match registry.send(&request, &access)? {
                response if matches!(response.status(), 200 | 206 | 416) => {
                    Ok(Part::from(response))
                }
                refused => Err(registry.refusal(refused)),
            }
        };
        let want = Want {
            offset,
            expected: Some(descriptor.size),
            limit: descriptor.size,
            validator: Validator::Digest,
        };
        let pacer = self.registry.net.pacer().clone();
        let what = || format!("blob {} of {}", descriptor.digest, self.shown());
        let reader = Resumable::open(open, pacer, want)
            .map_err(|error| self.registry.or_not_found(error, what))?;
        Ok(Box::new(reader))
    }

    fn referrers(&self, subject: &Digest, artifact_type: &str) -> Result<Vec<Descriptor>, Error> {
        self.registry.referrers(&self.reference.repository, subject, Some(artifact_type))
    }

    fn mount_origin(&self) -> Option<(String, String)> {
        Some((self.registry.name().to_owned(), self.reference.repository.clone()))
    }
}

fn check_digest(what: &str, expected: Digest, actual: Digest) -> Result<(), Error> {
    if expected == actual {
        return Ok(());
    }
    Err(Error::DigestMismatch { what: what.to_owned(), expected, actual })
}

impl Registry {
    /// A manifest or index by tag or digest, described by its own bytes.
    pub(super) fn manifest(
        &self,
        repository: &str,
        reference: &str,
        what: &str,
    ) -> Result<(Descriptor, Vec<u8>), Error> {
        let open = || self.open_manifest(repository, reference, what);
        let document = self.net.document(open, MAX_MANIFEST_BYTES)?;
        let content_type = document.head.header("content-type").map(MediaType::from);
        let media_type = media_type(&document.bytes, content_type.as_ref(), what)?;
        Ok((Descriptor::of(media_type, &document.bytes), document.bytes))
    }

    fn open_manifest(
        &self,
        repository: &str,
        reference: &str,
        what: &str,
    ) -> Result<Response, Error> {
        let url = self.endpoint(repository, &format!("manifests/{reference}"));
        let request = Request::get(url).header("accept", &accepted())?;
        let response = self.send(&request, &Access::pull(repository))?;
        self.expect_ok(response, || what.to_owned())
    }

    fn open_blob(&self, repository: &str, digest: &Digest, what: &str) -> Result<Response, Error> {
        let request = Request::get(self.blob_url(repository, digest));
        let response = self.send(&request, &Access::pull(repository))?;
        self.expect_ok(response, || what.to_owned())
    }

    /// A document by digest, from where its media type says that it is. A type that we do not know may
    /// be an artifact's config or an artifact's manifest.
    fn document(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        what: &str,
    ) -> Result<Vec<u8>, Error> {
        let digest = &descriptor.digest;
        let as_manifest = || self.open_manifest(repository, &digest.to_string(), what);
        let as_blob = || self.open_blob(repository, digest, what);
        let document = match &descriptor.media_type {
            MediaType::Manifest(_) | MediaType::Index(_) => {
                self.net.document(as_manifest, descriptor.size)
            }
            MediaType::Config(_)
            | MediaType::Layer(..)
            | MediaType::ForeignLayer(..)
            | MediaType::Empty => self.net.document(as_blob, descriptor.size),
            MediaType::Other(_) => match self.net.document(as_blob, descriptor.size) {
                Err(Error::NotFound { .. }) => self.net.document(as_manifest, descriptor.size),
                other => other,
            },
        };
        Ok(document?.bytes)
    }

    fn expect_ok(&self, response: Response, what: impl Fn() -> String) -> Result<Response, Error> {
        if response.status() == 200 {
            return Ok(response);
        }
        Err(self.or_not_found(self.refusal(response), what))
    }

    /// 404 is an answer about the image, not a failure of the network.
    pub(super) fn or_not_found(
        &self,
        error: lightship_net::Error,
        what: impl Fn() -> String,
    ) -> Error {
        if error.status() == Some(404) { self.not_found(what()) } else { Error::Net(error) }
    }
}

/// What a manifest is: by its own word, else by the header, else by its shape. A header or word that
/// contradicts the shape makes it ambiguous, and ambiguous documents are refused.
fn media_type(
    bytes: &[u8],
    content_type: Option<&MediaType>,
    what: &str,
) -> Result<MediaType, Error> {
    if let Some(MediaType::Other(old)) = content_type
        && old.starts_with("application/vnd.docker.distribution.manifest.v1")
    {
        return Err(Error::Unsupported {
            what: what.to_owned(),
            reason: "it has a manifest of Docker's schema 1, from before 2016".to_owned(),
            hint: Some("pull and push it with a Docker from 2016 to 2023 to convert it".to_owned()),
        });
    }
    let parsed = ManifestKind::parse(bytes)
        .map_err(|source| Error::Json { what: format!("the manifest of {what}"), source })?;
    let (own, by_shape) = match parsed {
        ManifestKind::Index(index) => (index.media_type, MediaType::Index(Flavour::Oci)),
        ManifestKind::Manifest(manifest) => {
            let flavour = manifest.flavour();
            (manifest.media_type, MediaType::Manifest(flavour))
        }
    };
    let known = content_type.filter(|kind| kind.is_index() || kind.is_manifest());
    let chosen = own.as_ref().or(known).unwrap_or(&by_shape);
    if (chosen.is_index() && !by_shape.is_index())
        || (chosen.is_manifest() && !by_shape.is_manifest())
    {
        return Err(Error::invalid(what, format!("it calls itself {chosen}, which it is not")));
    }
    Ok(chosen.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(media_type: Option<&str>) -> Vec<u8> {
        let own = media_type.map(|text| format!(r#""mediaType":"{text}","#)).unwrap_or_default();
        let digest = Digest::of(b"");
        format!(
            r#"{{"schemaVersion":2,{own}"config":{{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"{digest}","size":0}},"layers":[]}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_manifest_says_what_it_is_and_the_header_helps() {
        let docker = MediaType::Manifest(Flavour::Docker);
        let oci = MediaType::Manifest(Flavour::Oci);
        let of = |bytes: &[u8], header: Option<&str>| {
            media_type(bytes, header.map(MediaType::from).as_ref(), "x")
        };
        assert_eq!(of(&manifest(None), None).unwrap(), docker, "by its config");
        assert_eq!(of(&manifest(None), Some(&oci.to_string())).unwrap(), oci);
        assert_eq!(of(&manifest(None), Some("application/json")).unwrap(), docker);
        assert_eq!(of(&manifest(Some(&oci.to_string())), Some(&docker.to_string())).unwrap(), oci);
        let index = MediaType::Index(Flavour::Oci).to_string();
        assert!(of(&manifest(Some(&index)), None).is_err());
        assert!(of(&manifest(None), Some(&index)).is_err());
        assert_eq!(of(br#"{"schemaVersion":2,"manifests":[]}"#, None).unwrap().to_string(), index);
        let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert!(matches!(of(b"{}", Some(old)), Err(Error::Unsupported { .. })));
        assert!(matches!(of(b"<html>", None), Err(Error::Json { .. })));
    }
}
