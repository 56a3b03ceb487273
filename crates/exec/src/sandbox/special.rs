//! Executors that run nothing: what they do is done here and now.

use std::collections::BTreeMap;

use lightship_engine::{Failure, Launch, Outcome, Reason};
use lightship_ir::exchange::{Artifact, Exchange, Produced};
use lightship_ir::template::Context;
use lightship_ir::{ExecutorKind, Importer};
use serde_json::Value;

use crate::attempt::text;
use crate::volumes::Volumes;

/// Does what an executor stands for that is no container.
pub(super) fn run(kind: &ExecutorKind, launch: &Launch, volumes: &Volumes) -> Outcome {
    let done = match kind {
        ExecutorKind::Importer(importer) => import(importer, launch),
        ExecutorKind::CreateVolume(_) => create(launch, volumes),
        ExecutorKind::DeleteVolume(_) => delete(launch, volumes),
        ExecutorKind::Container(_) => {
            Err(Failure::new(Reason::Executor, "a container needs a sandbox"))
        }
    };
    done.map_or_else(Outcome::Failed, Outcome::Succeeded)
}

/// An artifact that exists already. Its only output is it.
fn import(importer: &Importer, launch: &Launch) -> Result<Produced, Failure> {
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
    let artifact = |name: &String| Artifact {
        name: name.clone(),
        kind: importer.kind.clone(),
        uri: uri.clone(),
        metadata: metadata.clone(),
        custom_path: None,
    };
    let outputs = component.outputs.artifacts.keys();
    let artifacts = outputs.map(|name| (name.clone(), vec![artifact(name)])).collect();
    Ok(Produced { parameters: BTreeMap::new(), artifacts })
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
