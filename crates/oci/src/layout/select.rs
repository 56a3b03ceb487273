//! Which of the images in an index a name means.

use std::collections::BTreeSet;

use lightship_base::Digest;

use super::{CONTAINERD_NAME, REF_NAME};
use crate::Error;
use crate::reference::{ImageName, RegistryReference};
use crate::spec::{Descriptor, Index};

/// What a name (or none) means in an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One of its images.
    Descriptor(Box<Descriptor>),
    /// The index itself: it lists one image for several platforms, and no names.
    WholeIndex,
}

/// Finds the image that `wanted` names: its tag as written, its full name in any of its spellings, or
/// its digest. Without a name there must be one image only.
pub(crate) fn find(index: &Index, wanted: Option<&str>, place: &str) -> Result<Found, Error> {
    let candidates = match wanted {
        Some(wanted) => named(index, wanted),
        None if is_one_image(index) => return Ok(Found::WholeIndex),
        None => images(index),
    };
    let digests: BTreeSet<Digest> = candidates.iter().map(|found| found.digest).collect();
    match (candidates.first(), digests.len()) {
        (Some(found), 1) => Ok(Found::Descriptor(Box::new((*found).clone()))),
        (None, _) => Err(missing(index, wanted, place)),
        (Some(_), count) => Err(Error::Unsupported {
            what: place.to_owned(),
            reason: match wanted {
                Some(wanted) => format!("it holds {count} different images named `{wanted}`"),
                None => format!("it holds {count} images, and none of them was named"),
            },
            hint: Some(format!(
                "put the name of one behind it, as in `{place}:NAME`: {}",
                names(index)
            )),
        }),
    }
}

/// Tools that write an index as the layout's own (a Go library for registries does) put one image's
/// platforms there, without names.
pub(crate) fn is_one_image(index: &Index) -> bool {
    let images = images(index);
    images.len() > 1 && images.iter().all(|entry| entry.platform.is_some() && is_nameless(entry))
}

/// The entries that are there for their own sake, and not because they belong to another. An index of
/// the latter only has nothing else to offer.
pub(crate) fn images(index: &Index) -> Vec<&Descriptor> {
    let images: Vec<&Descriptor> =
        index.manifests.iter().filter(|entry| !is_referrer(entry)).collect();
    if images.is_empty() { index.manifests.iter().collect() } else { images }
}

/// Whether an entry is an artifact that nobody gave a name: found through what it belongs to.
pub(crate) fn is_referrer(entry: &Descriptor) -> bool {
    entry.artifact_type().is_some() && is_nameless(entry)
}

pub(crate) fn is_nameless(entry: &Descriptor) -> bool {
    [REF_NAME, CONTAINERD_NAME].iter().all(|key| !entry.annotations.contains_key(*key))
}

/// An exact tag wins over everything that can be read as the name in some way.
fn named<'a>(index: &'a Index, wanted: &str) -> Vec<&'a Descriptor> {
    let matching = |test: &dyn Fn(&Descriptor) -> bool| -> Vec<&'a Descriptor> {
        index.manifests.iter().filter(|entry| test(entry)).collect()
    };
    let exact =
        matching(&|entry| entry.annotations.get(REF_NAME).is_some_and(|name| name == wanted));
    if !exact.is_empty() {
        return exact;
    }
    if let Ok(digest) = wanted.parse::<Digest>() {
        return matching(&|entry| entry.digest == digest);
    }
    matching(&|entry| {
        let names = [CONTAINERD_NAME, REF_NAME].map(|key| entry.annotations.get(key));
        // A bare word is a tag, not a name.
        let names = names.into_iter().flatten().filter(|name| name.contains(['/', ':']));
        find_spelling(names.map(String::as_str), wanted)
    })
}

/// Whether one of these names is `wanted`, perhaps written in another way: `python`,
/// `library/python:latest` and `docker.io/library/python` are the same.
pub(crate) fn find_spelling<'a>(mut names: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let full = wanted.parse::<RegistryReference>();
    names.any(|name| match (&full, name.parse::<RegistryReference>()) {
        (Ok(full), Ok(name)) => *full == name,
        _ => name == wanted,
    })
}

fn missing(index: &Index, wanted: Option<&str>, place: &str) -> Error {
    let hint = if index.manifests.is_empty() {
        "it holds no image at all".to_owned()
    } else {
        format!("it holds {}", names(index))
    };
    let what = wanted.map_or("an image".to_owned(), |wanted| format!("image `{wanted}`"));
    Error::NotFound { what, place: place.to_owned(), hint: Some(hint) }
}

/// The name that an entry gives its image, where it can be one: the full name, or else the tag, into
/// which some tools write the whole name.
pub(crate) fn name_of(entry: &Descriptor) -> Option<ImageName> {
    let written = [CONTAINERD_NAME, REF_NAME].map(|key| entry.annotations.get(key));
    written.into_iter().flatten().find_map(|name| name.parse().ok())
}

/// As many names as fit a message.
fn names(index: &Index) -> String {
    const SHOWN: usize = 20;
    let name = |entry: &Descriptor| {
        let annotation = |key: &str| entry.annotations.get(key).cloned();
        let name = annotation(CONTAINERD_NAME).or_else(|| annotation(REF_NAME));
        crate::tar::display_path(name.unwrap_or_else(|| entry.digest.to_string()).as_bytes())
    };
    let images = images(index);
    let mut names: Vec<String> = images.iter().take(SHOWN).map(|entry| name(entry)).collect();
    if images.len() > SHOWN {
        names.push(format!("and {} more", images.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::parse_index;

    fn digest(of: &str) -> Digest {
        Digest::of(of.as_bytes())
    }

    /// Entries of `(content, extra JSON)`.
    fn index(entries: &[(&str, &str)]) -> Index {
        let entries: Vec<String> = entries
            .iter()
            .map(|(content, extra)| {
                format!(
                    r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1{extra}}}"#,
                    digest(content)
                )
            })
            .collect();
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        parse_index(text.as_bytes()).unwrap()
    }

    fn found(index: &Index, wanted: Option<&str>) -> Result<Found, String> {
        find(index, wanted, "oci:x").map_err(|error| {
            use lightship_base::Diagnose;
            let hints: Vec<String> = error.hints().iter().map(ToString::to_string).collect();
            format!("{error}; {}", hints.join("; "))
        })
    }

    fn is(index: &Index, wanted: Option<&str>, content: &str) {
        match found(index, wanted) {
            Ok(Found::Descriptor(found)) => assert_eq!(found.digest, digest(content)),
            other => panic!("{wanted:?}: {other:?}"),
        }
    }

    const DOCKER: &str = r#","annotations":{"io.containerd.image.name":"docker.io/library/churn:v1","org.opencontainers.image.ref.name":"v1"}"#;
    const OTHER: &str = r#","annotations":{"io.containerd.image.name":"quay.io/team/base:v1","org.opencontainers.image.ref.name":"v1"}"#;
    const PODMAN: &str =
        r#","annotations":{"org.opencontainers.image.ref.name":"localhost/tool:latest"}"#;

    #[test]
    fn names_are_understood_in_every_spelling() {
        let index = index(&[("a", DOCKER), ("b", OTHER), ("c", PODMAN)]);
        for name in ["churn:v1", "library/churn:v1", "docker.io/library/churn:v1"] {
            is(&index, Some(name), "a");
        }
        is(&index, Some("quay.io/team/base:v1"), "b");
        for name in ["localhost/tool:latest", "localhost/tool"] {
            is(&index, Some(name), "c");
        }
        is(&index, Some(&digest("b").to_string()), "b");
    }

    #[test]
    fn what_is_not_there_or_not_clear_lists_what_is() {
        let several = index(&[("a", DOCKER), ("b", OTHER), ("c", "")]);
        let none = found(&several, Some("v2")).unwrap_err();
        assert!(none.contains("image `v2` was not found in oci:x"), "{none}");
        assert!(
            none.contains("docker.io/library/churn:v1, quay.io/team/base:v1, sha256:"),
            "{none}"
        );
        assert!(found(&several, None).unwrap_err().contains("it holds 3 images"));
        assert!(found(&several, Some("v1")).unwrap_err().contains("2 different images named `v1`"));
        assert!(found(&index(&[]), None).unwrap_err().contains("no image at all"));
    }

    #[test]
    fn several_names_of_one_image_are_one_image() {
        is(&index(&[("a", DOCKER), ("a", PODMAN)]), None, "a");
        is(&index(&[("a", "")]), None, "a");
    }

    #[test]
    fn platforms_without_names_are_one_image() {
        let platform =
            |name: &str| format!(r#","platform":{{"os":"linux","architecture":"{name}"}}"#);
        let (amd, arm) = (platform("amd64"), platform("arm64"));
        let both = index(&[("a", &amd), ("b", &arm)]);
        assert_eq!(found(&both, None), Ok(Found::WholeIndex));
        assert!(found(&index(&[("a", &amd), ("b", "")]), None).is_err());
    }
}
