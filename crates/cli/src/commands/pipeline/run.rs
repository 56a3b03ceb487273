//! `lightship run`: a pipeline, on this machine, each step in its image.

mod follow;
mod given;

use std::collections::BTreeMap;
use std::sync::Arc;

use lightship_base::{Clock as _, Digest, SystemClock, Timestamp};
use lightship_build::bake::Steps;
use lightship_engine::{CacheRules, Header, RunId, RunOptions, RunState};
use lightship_exec::{SandboxExecutor, Settings as ExecutorSettings, Volumes};
use lightship_ir::template::Facts;
use lightship_ir::{Plan, WORKSPACE_PATH, bind};

use super::PipelineError;
use super::oven::{Baked, Oven};
use super::read::Pipeline;
use super::record::Record;
use super::rooms::Rooms;
use crate::args::PipelineRunArgs;
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::settings::Settings;

pub(in crate::commands) fn run(
    args: &PipelineRunArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    // While there is one thread.
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let pipeline = Pipeline::read(&args.pipeline)?;
    let given = given::read(args)?;
    let inputs = bind::run(&pipeline.plan, &given)
        .map_err(|source| PipelineError::Inputs { path: args.pipeline.clone(), source })?;
    let plan = baked(args, &pipeline, &settings, context)?;
    let record = Record::open(&settings)?;
    let executor = executor(args, &settings, &record)?;
    let header = header(args, plan, inputs, &record);
    let id = header.id.clone();
    let driver = record.driver(Arc::new(executor));
    let state = record.wait(async {
        let handle = driver.submit(header).await?;
        follow::follow(&handle, &record.runs(), context).await?;
        handle.wait().await
    });
    let state = state.map_err(PipelineError::from)?;
    if args.explain_cache {
        super::cache::tell(&record, &id, context)?;
    }
    Ok(if state == RunState::Succeeded { Outcome::Fine } else { Outcome::Findings })
}

/// The plan in which the steps that would install packages have images that have them.
fn baked(
    args: &PipelineRunArgs,
    pipeline: &Pipeline,
    settings: &Settings,
    context: &Context<'_>,
) -> Result<Plan, Error> {
    let images = Images::new(settings, args.registry.plain_http);
    let sandboxes = Sandboxes::open(settings)?;
    let oven = Oven::new((settings, &images, &sandboxes), args.offline);
    let mut steps = Steps::of(&pipeline.package);
    let baked = oven.bake_all(&mut steps, context);
    let names: Vec<Option<String>> =
        baked.iter().map(|image| image.as_ref().map(Baked::reference)).collect();
    let package = steps.rewrite(&pipeline.package, &names);
    let problems = |source| PipelineError::Problems { path: args.pipeline.clone(), source };
    Ok(Plan::compile(&package).map_err(problems)?)
}

fn executor(
    args: &PipelineRunArgs,
    settings: &Settings,
    record: &Record,
) -> Result<SandboxExecutor, Error> {
    let sandboxes = Arc::new(Sandboxes::open(settings)?);
    let launcher = sandboxes.launcher().clone();
    let rooms = Rooms::new(settings.clone(), sandboxes, args.registry.plain_http, BTreeMap::new());
    Ok(SandboxExecutor::new(ExecutorSettings {
        launcher,
        images: Box::new(rooms),
        volumes: Volumes { folder: record.volumes(), ..Volumes::default() },
        runs: record.runs(),
    }))
}

fn header(
    args: &PipelineRunArgs,
    plan: Plan,
    inputs: lightship_ir::exchange::Inputs,
    record: &Record,
) -> Header {
    let created = SystemClock.now();
    let id = run_id(&plan.name, created);
    let name = args.name.clone().unwrap_or_else(|| plan.name.clone());
    let time = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let facts = Facts {
        job_name: name.clone(),
        job_resource_name: format!("{}-{id}", plan.name),
        job_id: id.to_string(),
        create_time: time.clone(),
        schedule_time: time,
        workspace_path: WORKSPACE_PATH.to_owned(),
        pipeline_root: record.artifacts().join(&plan.name).display().to_string(),
        ..Facts::default()
    };
    let max_age = args.cache_ttl.map(|age| age.0);
    let cache = if args.no_cache { CacheRules::Off } else { CacheRules::On { max_age } };
    Header {
        id,
        name,
        experiment: args.experiment.clone(),
        created,
        plan: Arc::new(plan),
        inputs,
        facts,
        options: RunOptions { max_parallel: args.max_parallel, cache },
    }
}

/// A name that no other run has: the pipeline's, and eight digits that follow from time and process.
fn run_id(pipeline: &str, created: Timestamp) -> RunId {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = pipeline.chars().map(plain).take(60).collect();
    let seed = format!("{}-{}", created.as_nanosecond(), std::process::id());
    let digits: String = Digest::of(seed.as_bytes()).hex().chars().take(8).collect();
    let name = format!("{}-{digits}", slug.trim_matches('-'));
    name.trim_start_matches('-').parse().expect("letters, digits and hyphens name a run")
}
