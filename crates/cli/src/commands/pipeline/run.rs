//! `lightship run`: a pipeline, on this machine, each step in its image.

mod follow;
mod given;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{ByteSize, Clock as _, Digest, SystemClock, Timestamp};
use lightship_build::bake::Steps;
use lightship_engine::driver::{Driver, Settings as Room, World};
use lightship_engine::{CacheRules, Header, RunId, RunOptions, RunState};
use lightship_exec::{LocalArtifacts, SandboxExecutor, Settings as ExecutorSettings, Volumes};
use lightship_ir::quantity::Cpu;
use lightship_ir::template::Facts;
use lightship_ir::{Plan, WORKSPACE_PATH, bind};
use lightship_store::SqliteStore;

use super::PipelineError;
use super::oven::{Baked, Oven};
use super::read::Pipeline;
use super::rooms::Rooms;
use crate::args::PipelineRunArgs;
use crate::commands::{Context, Error, Outcome};
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::settings::Settings;

/// Below the home: the record of runs, what they need while they run and their logs, and what they made.
const RECORD: &str = "runs.sqlite";
const RUNS: &str = "runs";
const ARTIFACTS: &str = "artifacts";
const VOLUMES: &str = "volumes";

/// How long a task that is told to stop has before it is killed.
const GRACE: Duration = Duration::from_secs(10);

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
    let header = header(args, plan, inputs, &settings);
    let executor = executor(args, &settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::io("start", std::path::Path::new("the engine of runs")))?;
    let record = settings.home.join(RECORD);
    let store = SqliteStore::open(&record).map_err(PipelineError::from)?;
    let world = World {
        store: Arc::new(store),
        executor: Arc::new(executor),
        artifacts: Arc::new(LocalArtifacts::new(settings.home.join(ARTIFACTS))),
        clock: Arc::new(SystemClock),
        probe: None,
    };
    let driver = Driver::new(world, room());
    let state = runtime.block_on(async {
        let handle = driver.submit(header).await?;
        follow::follow(&handle, &settings.home.join(RUNS), context).await?;
        handle.wait().await
    });
    let state = state.map_err(PipelineError::from)?;
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

fn executor(args: &PipelineRunArgs, settings: &Settings) -> Result<SandboxExecutor, Error> {
    let sandboxes = Arc::new(Sandboxes::open(settings)?);
    let launcher = sandboxes.launcher().clone();
    let rooms = Rooms::new(settings.clone(), sandboxes, args.registry.plain_http, BTreeMap::new());
    Ok(SandboxExecutor::new(ExecutorSettings {
        launcher,
        images: Box::new(rooms),
        volumes: Volumes { folder: settings.home.join(VOLUMES), ..Volumes::default() },
        runs: settings.home.join(RUNS),
    }))
}

/// All of this machine.
fn room() -> Room {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let machine = rustix::system::sysinfo();
    let memory = machine.totalram.saturating_mul(machine.mem_unit.into());
    Room {
        cpu: Cpu(processors * 1000),
        memory: ByteSize(memory),
        attempts: u32::try_from(processors).unwrap_or(u32::MAX),
        grace: GRACE,
    }
}

fn header(
    args: &PipelineRunArgs,
    plan: Plan,
    inputs: lightship_ir::exchange::Inputs,
    settings: &Settings,
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
        pipeline_root: root(&plan, settings).display().to_string(),
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

fn root(plan: &Plan, settings: &Settings) -> PathBuf {
    settings.home.join(ARTIFACTS).join(&plan.name)
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
