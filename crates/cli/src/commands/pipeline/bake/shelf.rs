//! `lightship bake --push`: where the images of steps go.

use std::collections::HashSet;
use std::str::FromStr as _;

use lightship_base::{Digest, Progress};
use lightship_build::bake::{Fate, Steps};
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::reference::RegistryReference;

use super::super::PipelineError;
use super::abreast::abreast;
use super::oven::Baked;
use crate::commands::Error;
use crate::images::Images;

/// A registry, perhaps with a path, that takes the images. All of them go into one repository: a layer that is there
/// is there for each of them.
pub(super) struct Shelf(String);

impl Shelf {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let bare = text.strip_prefix("docker://").unwrap_or(text).trim_end_matches('/');
        let bad = |reason: String| PipelineError::Push { place: text.to_owned(), reason };
        RegistryReference::from_str(&format!("{bare}/steps"))
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self(bare.to_owned()))
    }

    /// Sends those images that steps run in. What the pipeline then calls them: by the registry's digest, so that it is
    /// this image that runs and no other. The tag is for people, and keeps the registry from clearing the image away.
    pub(super) fn push(
        &self,
        steps: &Steps,
        baked: &[Option<Baked>],
        images: &Images<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Option<String>>, Error> {
        let repository = format!("{}/steps", self.0);
        let used = |environment: usize| {
            let mut steps = steps.steps.iter();
            steps.any(|step| matches!(step.fate, Fate::Baked { environment: one, .. } if one == environment))
        };
        let mut names: Vec<Option<String>> = vec![None; baked.len()];
        let wanted = baked.iter().enumerate().filter(|(at, _)| used(*at));
        let wanted = wanted.filter_map(|(at, image)| Some((at, image.as_ref()?))).collect();
        for round in rounds(wanted) {
            let sent = abreast(round, |(at, image)| -> Result<_, Error> {
                let source = images.source(&format!("store:{}", image.digest))?;
                let place = format!("docker://{repository}:{}", steps.environments[at].tag());
                let destination = images.destination(&place)?;
                let whole = Selection::Everything;
                let report = copy_with(&*source, &[], &*destination, &whole, progress)?;
                let digest = report.digest.unwrap_or(image.digest);
                Ok((at, format!("{repository}@{digest}")))
            });
            for sent in sent {
                let (at, name) = sent?;
                names[at] = Some(name);
            }
        }
        Ok(names)
    }
}

/// Images that are sent at the same time: no two of a round bring the same new layer, which a registry would be sent
/// twice.
fn rounds(mut left: Vec<(usize, &Baked)>) -> Vec<Vec<(usize, &Baked)>> {
    let (mut rounds, mut there) = (Vec::new(), HashSet::<Digest>::new());
    while !left.is_empty() {
        let mut new: HashSet<Digest> = HashSet::new();
        let (round, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, image)| {
            let own = image.layers.iter().map(|(digest, _)| *digest);
            let own: Vec<Digest> = own.filter(|digest| !there.contains(digest)).collect();
            let fits = own.iter().all(|digest| !new.contains(digest));
            if fits {
                new.extend(own);
            }
            fits
        });
        there.extend(new);
        rounds.push(round);
        left = later;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use lightship_base::ByteSize;

    use super::*;

    #[test]
    fn no_layer_is_sent_twice_at_the_same_time() {
        let layer = |name: &u8| (Digest::of(&[*name]), ByteSize(1));
        let image = |layers: &[u8]| Baked {
            digest: Digest::of(layers),
            repository: String::new(),
            layers: layers.iter().map(layer).collect(),
            below: 0,
            wheels: None,
        };
        let all = [image(b"ab"), image(b"ac"), image(b"ad"), image(b"xy"), image(b"xcd")];
        let rounds = rounds(all.iter().enumerate().collect());
        let shown: Vec<Vec<usize>> =
            rounds.iter().map(|round| round.iter().map(|(at, _)| *at).collect()).collect();
        assert_eq!(shown, [vec![0, 3], vec![1, 2], vec![4]]);
    }
}
