//! `lightship run`: a pipeline, on this machine, each step in its image.

mod follow;
mod given;

use std::sync::Arc;

use lightship_base::{Clock as _, Digest, SystemClock, Timestamp};
use lightship_engine::{CacheRules, Header, RunId, RunOptions, RunState};
use lightship_ir::template::Facts;
use lightship_ir::{Plan, WORKSPACE_PATH, bind};

use super::PipelineError;
use super::here::Here;
use super::oven::Oven;
use super::read::Pipeline;
use super::record::Record;
use crate::args::PipelineRunArgs;
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};

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
    let mut here = Here::read(&args.here, Some(&args.pipeline), context.environment)?;
    let plan = {
        let images = Images::new(&settings, args.registry.plain_http);
        let sandboxes = Sandboxes::open(&settings)?;
        let oven = Oven::new((&settings, &images, &sandboxes), args.offline);
        here.baked((&args.pipeline, &pipeline), &oven, context)?
    };
    let record = Record::open(&settings)?;
    let executor = here.executor((&settings, args.registry.plain_http), &record, context)?;
    if let Some(note) = here.note().filter(|_| !context.global.quiet) {
        context.terminal.complain(note);
    }
    let header = header(args, plan, inputs, &record);
    let driver = record.driver(Arc::new(executor));
    let state = record.wait(async {
        let handle = driver.submit(header).await?;
        follow::follow(&handle, &record.runs(), context).await?;
        handle.wait().await
    });
    let state = state.map_err(PipelineError::from)?;
    Ok(if state == RunState::Succeeded { Outcome::Fine } else { Outcome::Findings })
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
    let cache = if args.no_cache { CacheRules::Off } else { CacheRules::default() };
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
