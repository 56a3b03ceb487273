//! What a person or program is told of a pipeline that was baked.

use std::collections::{BTreeMap, HashMap};

use lightship_base::{ByteSize, Digest};
use lightship_build::bake::{Fate, Kept as Reason, Step, Steps};
use lightship_build::verify::{Status, Verdict};

use super::oven::Baked;
use super::proof::advice;
use crate::args::BakeArgs;
use crate::views::bake::{BakeDocument, BakedImage, BakedStep, Kept, Verified};

pub(super) fn document(
    pipeline: &str,
    (steps, baked, names): (&Steps, &[Option<Baked>], Vec<Option<String>>),
    (before, proofs): (&BTreeMap<String, ByteSize>, &[(usize, Verdict)]),
    args: &BakeArgs,
) -> BakeDocument {
    let built: Vec<(usize, &Baked, String)> = baked
        .iter()
        .zip(names)
        .enumerate()
        .filter_map(|(at, (image, name))| Some((at, image.as_ref()?, name?)))
        .collect();
    let place = |environment: usize| built.iter().position(|(at, ..)| *at == environment);
    let all: HashMap<Digest, ByteSize> =
        built.iter().flat_map(|(_, image, _)| image.layers.iter().copied()).collect();
    let one = |(at, step): (usize, &Step)| {
        let (baked, kept) = match &step.fate {
            Fate::Baked { environment, .. } => (place(*environment), None),
            Fate::Kept(reason) => (None, Some(kept(reason))),
        };
        let proof = proofs.iter().find(|(of, _)| *of == at);
        BakedStep {
            executor: step.executor.clone(),
            image: step.image.clone(),
            image_bytes: before.get(&step.image).copied(),
            baked,
            kept,
            verified: proof.map(|(_, verdict)| verified(verdict)),
        }
    };
    BakeDocument {
        pipeline: pipeline.to_owned(),
        output: args.output.display().to_string(),
        bytes: all.into_values().sum(),
        images: (0..built.len()).map(|at| image(steps, &built, at)).collect(),
        steps: steps.steps.iter().enumerate().map(one).collect(),
    }
}

fn image(steps: &Steps, built: &[(usize, &Baked, String)], at: usize) -> BakedImage {
    let (environment, image, reference) = &built[at];
    let has = |other: &Baked, wanted: &Digest| other.layers.iter().any(|(own, _)| own == wanted);
    let others = || built.iter().enumerate().filter(move |(other, _)| *other != at);
    let shared = image
        .layers
        .iter()
        .filter(|(digest, _)| others().any(|(_, (_, other, _))| has(other, digest)));
    let meets = |other: &Baked| image.layers.iter().any(|(digest, _)| has(other, digest));
    let wanted = &steps.environments[*environment];
    BakedImage {
        reference: reference.clone(),
        bytes: image.size(),
        shared_bytes: shared.map(|(_, size)| *size).sum(),
        shared_with: others()
            .filter(|(_, (_, other, _))| meets(other))
            .map(|(other, _)| other)
            .collect(),
        requirements: wanted.requirements().into_iter().map(str::to_owned).collect(),
        packages: wanted.packages().into_iter().map(str::to_owned).collect(),
        package_bytes: image.wheels,
    }
}

fn kept(reason: &Reason) -> Kept {
    let failed = match reason {
        Reason::Build(_) | Reason::Imports(_) => true,
        Reason::Command(_) | Reason::Image(_) => false,
    };
    Kept { reason: reason.to_string(), failed, plain: reason.is_plain() }
}

fn verified(verdict: &Verdict) -> Verified {
    Verified {
        passed: match verdict.status {
            Status::Passed => Some(true),
            Status::Failed => Some(false),
            Status::CouldNotRun => None,
        },
        modules: verdict.modules.len() as u64,
        seconds: (verdict.time.as_secs_f64() * 1000.0).round() / 1000.0,
        reasons: verdict.reasons.clone(),
        remarks: verdict.remarks.clone(),
        lines: verdict.lines.clone(),
        hints: advice(verdict),
    }
}
