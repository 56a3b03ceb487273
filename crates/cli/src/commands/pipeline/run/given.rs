//! The parameters of a run, from a file and from the command line.

use lightship_ir::bind::Given;
use serde_json::Value;

use crate::args::PipelineRunArgs;
use crate::commands::Error;
use crate::commands::pipeline::PipelineError;

/// Those of the command line go before those of the file.
pub(super) fn read(args: &PipelineRunArgs) -> Result<Vec<(String, Given)>, Error> {
    let mut given: Vec<(String, Given)> = Vec::new();
    if let Some(path) = &args.params {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let none = || PipelineError::Parameters { path: path.clone() };
        let Ok(Value::Object(map)) = serde_json::from_str(&text) else { return Err(none().into()) };
        given.extend(map.into_iter().map(|(name, value)| (name, Given::Json(value))));
    }
    for (name, value) in &args.param {
        given.retain(|(known, _)| known != name);
        given.push((name.clone(), Given::Text(value.clone())));
    }
    Ok(given)
}
