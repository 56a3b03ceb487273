//! What is known before a run to be missing.

use lightship_ir::{ParameterBinding, ParameterSource, Plan};

use super::{Kind, Volumes};

/// A secret or config map that a task takes and that nothing stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task `{task}`, {field}: {why}")]
pub struct Undeclared {
    /// The task.
    pub task: String,
    /// The field of the Kubernetes document.
    pub field: &'static str,
    /// What is missing.
    pub why: String,
}

impl Volumes {
    /// What tasks of a plan take by a name that is written in it, and nothing stands for. What is named by a parameter
    /// is seen when its task starts.
    pub fn undeclared(&self, plan: &Plan) -> Vec<Undeclared> {
        let mut missing = Vec::new();
        for task in plan.tasks.iter().map(|(_, task)| task) {
            let Some(wishes) = &task.kubernetes else { continue };
            let mut look = |kind, field, name: &ParameterBinding, keys: &[&String], optional| {
                if let Some(why) =
                    written(name).and_then(|name| self.lacks(kind, name, keys, optional))
                {
                    missing.push(Undeclared { task: task.name.clone(), field, why });
                }
            };
            for one in &wishes.secret_volumes {
                look(Kind::Secret, "secretAsVolume", &one.name, &[], one.optional);
            }
            for one in &wishes.config_map_volumes {
                look(Kind::ConfigMap, "configMapAsVolume", &one.name, &[], one.optional);
            }
            let env = [
                (Kind::Secret, "secretAsEnv", &wishes.secret_env),
                (Kind::ConfigMap, "configMapAsEnv", &wishes.config_map_env),
            ];
            for (kind, field, list) in env {
                for one in list {
                    let keys: Vec<&String> = one.keys.iter().map(|pair| &pair.key).collect();
                    look(kind, field, &one.name, &keys, one.optional);
                }
            }
        }
        missing
    }

    /// Why something cannot be had; `keys` are those that are taken, all if none is named.
    fn lacks(&self, kind: Kind, name: &str, keys: &[&String], optional: bool) -> Option<String> {
        let declared = match self.declared(kind, name, optional) {
            Err(failure) => return Some(failure.message),
            Ok(declared) => declared?,
        };
        let all: Vec<&String> =
            if keys.is_empty() { declared.keys().collect() } else { keys.to_vec() };
        all.into_iter().find_map(|key| match declared.value(kind, name, key) {
            Err(failure) => Some(failure.message),
            Ok(None) if !optional => Some(kind.without_key(name, key).message),
            Ok(_) => None,
        })
    }
}

/// A name that is written in the pipeline.
fn written(name: &ParameterBinding) -> Option<&str> {
    match &name.source {
        ParameterSource::Constant(constant) if name.selector.is_none() => {
            constant.literal()?.as_str()
        }
        ParameterSource::Constant(_)
        | ParameterSource::Input(_)
        | ParameterSource::Output(_)
        | ParameterSource::FinalStatus(_) => None,
    }
}
