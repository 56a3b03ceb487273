//! `lightship bake`: a pipeline whose steps have their packages already.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use lightship_base::{ByteSize, Digest};
use lightship_build::bake::{Fate, Kept as Reason, Step, Steps};
use lightship_oci::copy::{Selection, copy_with};
use lightship_oci::reference::RegistryReference;

use super::PipelineError;
use super::oven::{Baked, Oven};
use super::read::Pipeline;
use crate::args::BakeArgs;
use crate::commands::{Context, Error, Outcome, whole};
use crate::images::Images;
use crate::sandboxes::Sandboxes;
use crate::views::bake::{self as view, BakeDocument, BakedImage, BakedStep, Kept};

pub(in crate::commands) fn run(
    args: &BakeArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let shelf = args.push.as_deref().map(Shelf::parse).transpose()?;
    let from = (&settings, args.offline);
    let Pipeline { package, plan } = Pipeline::open(&args.pipeline, &args.compile, from, context)?;
    let mut steps = Steps::of(&package);
    let images = Images::new(&settings, args.registry.plain_http);
    let sandboxes = Sandboxes::open(&settings)?;
    let oven = Oven::new((&settings, &images, &sandboxes), args.offline);
    let baked = oven.bake_all(&mut steps, context);
    let names: Vec<Option<String>> = (0..baked.len())
        .map(|at| {
            let image = baked[at].as_ref();
            image
                .map(|image| place(&steps, at, image, shelf.as_ref(), (&images, context)))
                .transpose()
        })
        .collect::<Result<_, Error>>()?;
    let changed = steps.rewrite(&package, &names);
    whole::write(&args.output, &changed.to_yaml())?;
    let document = document(&plan.name, (&steps, &baked, names), args);
    let look = context.terminal.out.look;
    context.emit(args.format.format, &document, || view::text(&document, &look))?;
    let failed = document.failed();
    Ok(if failed > 0 { Outcome::Findings } else { Outcome::Fine })
}

/// What a person or program is told.
fn document(
    pipeline: &str,
    (steps, baked, names): (&Steps, &[Option<Baked>], Vec<Option<String>>),
    args: &BakeArgs,
) -> BakeDocument {
    let mut images = Vec::new();
    let mut places = Vec::new();
    for (at, (image, reference)) in baked.iter().zip(names).enumerate() {
        let built = image.as_ref().zip(reference);
        places.push(built.as_ref().map(|_| images.len()));
        let Some((image, reference)) = built else { continue };
        let others = baked.iter().enumerate().filter(|(other, _)| *other != at);
        let others: HashSet<&Digest> = others
            .flat_map(|(_, other)| other)
            .flat_map(|other| &other.layers)
            .map(|(digest, _)| digest)
            .collect();
        let shared = image.layers.iter().filter(|(digest, _)| others.contains(digest));
        images.push(BakedImage {
            reference,
            bytes: image.size(),
            shared_bytes: shared.map(|(_, size)| *size).sum(),
            requirements: steps.environments[at]
                .requirements()
                .into_iter()
                .map(str::to_owned)
                .collect(),
        });
    }
    let all: HashMap<&Digest, ByteSize> = baked
        .iter()
        .flatten()
        .flat_map(|image| &image.layers)
        .map(|(digest, size)| (digest, *size))
        .collect();
    let step = |step: &Step| {
        let (environment, kept) = match &step.fate {
            Fate::Baked { environment, .. } => (places[*environment], None),
            Fate::Kept(reason) => {
                let failed = matches!(reason, Reason::Build(_));
                (None, Some(Kept { reason: reason.to_string(), failed }))
            }
        };
        BakedStep {
            executor: step.executor.clone(),
            image: step.image.clone(),
            baked: environment,
            kept,
        }
    };
    BakeDocument {
        pipeline: pipeline.to_owned(),
        output: args.output.display().to_string(),
        bytes: all.into_values().sum(),
        steps: steps.steps.iter().map(step).collect(),
        images,
    }
}

/// Where the images of an environment go, and what the pipeline then calls them: by digest, so that it is this image
/// that runs and no other.
fn place(
    steps: &Steps,
    environment: usize,
    image: &Baked,
    shelf: Option<&Shelf>,
    (images, context): (&Images<'_>, &Context<'_>),
) -> Result<String, Error> {
    let short = steps.environments[environment].key().short();
    let Some(shelf) = shelf else { return Ok(image.reference()) };
    let repository = format!("{}/steps", shelf.0);
    send(images, image, &format!("docker://{repository}:{short}"), context)?;
    Ok(format!("{repository}@{}", image.digest))
}

fn send(
    images: &Images<'_>,
    image: &Baked,
    place: &str,
    context: &Context<'_>,
) -> Result<(), Error> {
    let source = images.source(&format!("store:{}", image.name()))?;
    let destination = images.destination(place)?;
    let progress = context.reading();
    copy_with(&*source, &[], &*destination, &Selection::Everything, &*progress)?;
    Ok(())
}

/// A registry, perhaps with a path, that takes the images.
struct Shelf(String);

impl Shelf {
    fn parse(text: &str) -> Result<Self, Error> {
        let bare = text.strip_prefix("docker://").unwrap_or(text).trim_end_matches('/');
        let bad = |reason: String| PipelineError::Push { place: text.to_owned(), reason };
        RegistryReference::from_str(&format!("{bare}/steps"))
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self(bare.to_owned()))
    }
}
