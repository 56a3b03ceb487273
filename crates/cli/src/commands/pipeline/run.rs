//! `lightship run`: a pipeline, on this machine, each step in its image.

pub(super) mod follow;
mod given;

use std::sync::Arc;

use lightship_base::{Clock as _, Digest, SystemClock, Timestamp};
use lightship_engine::{CacheRules, Header, RunId, RunOptions};
use lightship_ir::template::Facts;
use lightship_ir::{Plan, WORKSPACE_PATH, bind};

use super::PipelineError;
use super::drive::held;
use super::drive::{Order, Task, drive};
use super::here::Here;
use super::read::Pipeline;
use super::record::Record;
use crate::args::PipelineRunArgs;
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes;

pub(in crate::commands) fn run(
    args: &PipelineRunArgs,
    context: &mut Context<'_>,
) -> Result<Outcome, Error> {
    // While there is one thread.
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let from = (&settings, args.offline);
    let pipeline = Pipeline::open(&args.pipeline, &args.compile, from, context)?;
    let given = given::read(args)?;
    let inputs = bind::run(&pipeline.plan, &given)
        .map_err(|source| PipelineError::Inputs { path: args.pipeline.clone(), source })?;
    let mut here = Here::read(&args.here, Some(&args.pipeline), context.environment)?;
    let bakes = (&args.registry, args.offline);
    let plan = here.baked((&args.pipeline, &pipeline), bakes, &settings, context)?;
    let record = Record::open(&settings)?;
    let executor =
        here.executor((&settings, args.registry.plain_http, args.offline), &record, context)?;
    let header = header(args, plan, inputs, &record);
    mention_interrupted(&header, &record, context)?;
    let run = header.id.clone();
    let lock = record.lock(&run)?;
    let images = Images::new(&settings, args.registry.plain_http);
    held::hold(&images, &run, &header.plan)?;
    let task = Task {
        run: &run,
        plan: Arc::clone(&header.plan),
        order: Order::Submit(Box::new(header)),
        format: args.output,
    };
    let driven = drive(task, lock, (&record, Arc::new(executor)), context);
    held::release_if_over(&images, &run, &record)?;
    if args.explain_cache {
        super::cache::tell(&record, &run, context)?;
    }
    driven
}

/// Says how to go on with the latest run of a pipeline, where this one is the same again and that one was interrupted.
fn mention_interrupted(
    new: &Header,
    record: &Record,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let Some(run) = record.interrupted_like(new)? else { return Ok(()) };
    if !context.global.quiet {
        context.terminal.complain(&format!(
            "note: run {run} of this pipeline was interrupted; go on with it instead: lightship runs resume {run}\n"
        ));
    }
    Ok(())
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
        pipeline_root: record.root_of(&plan.name),
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
