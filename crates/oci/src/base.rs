//! Which of an image's layers are its base's.

use lightship_base::{ChainId, Digest};
use serde::Serialize;

use crate::history::{History, instruction};
use crate::{Error, Image};

/// An image's base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// How it is called, where that is known.
    pub name: Option<String>,
    /// Its manifest's digest, where that is known.
    pub digest: Option<Digest>,
    /// How many of the layers are its, counted from the bottom; `None` where it is named but not at
    /// hand.
    pub layers: Option<usize>,
    /// How it was found.
    pub evidence: Evidence,
}

/// How a base was found; the first are certain, the last is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The user named it.
    Given,
    /// All its layers are this image's lowest: the chain IDs agree.
    ChainId,
    /// The manifest or config names it (`org.opencontainers.image.base.*`).
    Annotation,
    /// The history looks as if another image ended there.
    History,
}

/// An image that may be the base of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// How it is called.
    pub name: String,
    /// Its manifest's digest.
    pub digest: Digest,
    /// Its last layer's chain ID.
    pub top: ChainId,
}

const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// Finds the base of an image: among the candidates by chain ID; else by what the image says of
/// itself; else by its history.
pub fn detect(image: &Image, candidates: &[Candidate]) -> Option<Base> {
    let by_layers = by_chain_id(image, candidates);
    let by_history = by_history(image);
    let by_name = annotated(image).map(|(name, digest)| Base {
        name,
        digest,
        layers: by_history.as_ref().and_then(|base| base.layers),
        evidence: Evidence::Annotation,
    });
    by_layers.or(by_name).or(by_history)
}

/// The base that the user named. It must really be below the image.
pub fn given(image: &Image, base: &Image) -> Result<Base, Error> {
    let top = base.chain_ids().last().copied();
    let layers = image.chain_ids().iter().position(|chain_id| Some(*chain_id) == top);
    match layers {
        Some(at) => Ok(Base {
            name: Some(base.name()),
            digest: Some(base.digest()),
            layers: Some(at + 1),
            evidence: Evidence::Given,
        }),
        None => Err(Error::Unsupported {
            what: image.name(),
            reason: format!("it is not built on {}: their lowest layers differ", base.name()),
            hint: Some("say how many layers to keep with `--keep-layers`".to_owned()),
        }),
    }
}

/// The candidate that shares the most layers; an image is not its own base.
fn by_chain_id(image: &Image, candidates: &[Candidate]) -> Option<Base> {
    let chain_ids = image.chain_ids();
    let below_top = chain_ids.len().saturating_sub(1);
    (0..below_top).rev().find_map(|at| {
        let base = candidates.iter().find(|candidate| candidate.top == chain_ids[at])?;
        Some(Base {
            name: Some(base.name.clone()),
            digest: Some(base.digest),
            layers: Some(at + 1),
            evidence: Evidence::ChainId,
        })
    })
}

fn annotated(image: &Image) -> Option<(Option<String>, Option<Digest>)> {
    let labels = image.config().config.labels.as_ref();
    let find = |key: &str| {
        let annotation = image.manifest().annotations.get(key);
        annotation.or_else(|| labels?.get(key)).cloned()
    };
    let digest = find(BASE_DIGEST).and_then(|text| text.parse().ok());
    let name = find(BASE_NAME).filter(|name| !name.is_empty());
    (name.is_some() || digest.is_some()).then_some((name, digest))
}

/// Base images end by setting what they run: a `CMD` or `ENTRYPOINT` with instructions after it that
/// make layers marks the end of somebody else's Dockerfile. The last such border counts, so that of
/// Debian below Python below the user's image, Python is found. A border above which nothing makes a
/// layer is the image's own end.
fn by_history(image: &Image) -> Option<Base> {
    let history = History::of(image.config(), image.layers().len());
    if !history.agrees() {
        return None;
    }
    let last_layer = history.steps.iter().rposition(|step| step.layer.is_some())?;
    let border = history.steps[..last_layer].iter().rposition(|step| {
        let words = step.entry.as_ref().and_then(|entry| entry.created_by.as_deref());
        let ends = |words: String| words.starts_with("CMD") || words.starts_with("ENTRYPOINT");
        step.layer.is_none() && words.map(instruction).is_some_and(ends)
    })?;
    let layers = history.steps[..border].iter().filter(|step| step.layer.is_some()).count();
    (layers > 0).then_some(Base {
        name: None,
        digest: None,
        layers: Some(layers),
        evidence: Evidence::History,
    })
}
