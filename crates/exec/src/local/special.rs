//! Executors that run nothing: what they do is done here and now.

use std::collections::BTreeMap;
use std::path::Path;

use lightship_engine::{Failure, Launch, Outcome, Reason};
use lightship_ir::exchange::{Artifact, Exchange, Produced};
use lightship_ir::template::Context;
use lightship_ir::{ExecutorKind, Importer, WORKSPACE_PATH};
use serde_json::Value;

use super::Settings;
use super::origin::is_of_the_pipeline;
use crate::artifacts::place;
use crate::attempt::{room, text};
use crate::beneath::Folder;
use crate::copy::{Budget, copy};
use crate::volumes::{self, Volumes};

/// Does what an executor stands for that is no container. `run` is the folder of the run.
pub(super) fn run(
    kind: &ExecutorKind,
    launch: &Launch,
    run: &Path,
    settings: &Settings,
) -> Outcome {
    let volumes = &settings.volumes;
    let done = match kind {
        ExecutorKind::Importer(importer) => import(importer, launch, run, settings),
        ExecutorKind::CreateVolume(_) => create(launch, volumes),
        ExecutorKind::DeleteVolume(_) => delete(launch, volumes),
        ExecutorKind::Container(_) => {
            Err(Failure::new(Reason::Executor, "a container runs something"))
        }
    };
    done.map_or_else(Outcome::Failed, Outcome::Succeeded)
}

/// An artifact that exists already. Its only output is it.
fn import(
    importer: &Importer,
    launch: &Launch,
    run: &Path,
    settings: &Settings,
) -> Result<Produced, Failure> {
    let component = launch.plan.component_of(launch.task);
    let exchange = Exchange { inputs: launch.inputs.clone(), ..Exchange::default() };
    let context =
        Context { exchange: &exchange, facts: &launch.facts, declared: &component.inputs };
    let uri = importer.uri.render(&context).map_err(|error| text("URI", &error))?;
    let metadata = importer.metadata.render(&context).map_err(|error| text("metadata", &error))?;
    let metadata = match metadata {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            serde_json::Map::new()
        }
    };
    if let Some(path) = place(&uri) {
        may_import(path, importer, launch, settings)?;
    }
    let mut artifact = Artifact {
        name: String::new(),
        kind: importer.kind.clone(),
        uri,
        metadata,
        custom_path: None,
    };
    if importer.download_to_workspace {
        artifact.put_in_workspace();
        download(&artifact, run).map_err(|why| {
            let message = format!("cannot put {} into the workspace: {why}", artifact.uri);
            Failure::new(Reason::Start, message)
        })?;
    }
    let named = |name: &String| Artifact { name: name.clone(), ..artifact.clone() };
    let outputs = component.outputs.artifacts.keys();
    let artifacts = outputs.map(|name| (name.clone(), vec![named(name)])).collect();
    Ok(Produced { parameters: BTreeMap::new(), artifacts })
}

/// Whoever wrote the pipeline, or runs it, may name any file of this machine. A task may name artifacts: else it could
/// have files of its user's given to it that it was never shown.
fn may_import(
    path: &Path,
    importer: &Importer,
    launch: &Launch,
    settings: &Settings,
) -> Result<(), Failure> {
    let plain = path.components().all(|part| part != std::path::Component::ParentDir);
    if plain && path.starts_with(&settings.artifacts)
        || is_of_the_pipeline(&launch.plan, launch.task, &importer.uri)
    {
        return Ok(());
    }
    let message = format!(
        "it is told by another task to import {}, a file of this machine that is no artifact",
        path.display()
    );
    Err(Failure::new(Reason::Inputs, message))
}

/// Copies what an importer names to where tasks see it in their workspace.
fn download(artifact: &Artifact, run: &Path) -> Result<(), String> {
    let from = place(&artifact.uri).ok_or("only files of this machine can be put there")?;
    let from = std::fs::File::open(from).map_err(|error| error.to_string())?;
    let to = artifact.path();
    let to = Path::new(&to).strip_prefix(WORKSPACE_PATH).map_err(|error| error.to_string())?;
    let (Some(above), Some(name)) = (to.parent(), to.file_name().and_then(|name| name.to_str()))
    else {
        return Err("it names no file".to_owned());
    };
    let workspace = run.join("workspace");
    let copied = volumes::make(&workspace).and_then(|()| {
        let folder = Folder::open(&workspace)?.make(above)?;
        if folder.kind(Path::new(name))? != crate::beneath::Kind::Missing {
            // An earlier importer of the same put it there.
            return Ok(());
        }
        copy(from.into(), &folder, name, &mut Budget::of(room(&workspace).bytes()))
    });
    copied.map_err(|error| error.to_string())
}

fn create(launch: &Launch, volumes: &Volumes) -> Result<Produced, Failure> {
    let own = parameter(launch, "pvc_name");
    let suffix = parameter(launch, "pvc_name_suffix");
    let name = match (own, suffix) {
        (Some(name), _) => name,
        // As upstream: the suffix makes a name of the run's own.
        (None, Some(suffix)) => format!("{}{suffix}", launch.facts.job_id),
        (None, None) => format!("{}-{}", launch.id.run, launch.id.node),
    };
    volumes.volume(&name)?;
    let parameters = BTreeMap::from([("name".to_owned(), Value::String(name))]);
    Ok(Produced { parameters, artifacts: BTreeMap::new() })
}

fn delete(launch: &Launch, volumes: &Volumes) -> Result<Produced, Failure> {
    let name = parameter(launch, "pvc_name");
    let missing = || Failure::new(Reason::Inputs, "it is not told which volume to remove");
    volumes.remove(&name.ok_or_else(missing)?)?;
    Ok(Produced::default())
}

/// An input that says something.
fn parameter(launch: &Launch, name: &str) -> Option<String> {
    let value = launch.inputs.parameters.get(name)?;
    Some(lightship_ir::value::text_of(value)).filter(|text| !text.is_empty() && !value.is_null())
}
