//! Changes of a pipeline's documents. All that is not changed stays as it is, also what is not known here.

use serde_json::{Map, Value};

use super::Package;

/// A container of a pipeline's document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerText {
    /// Its executor's key: `exec-train`.
    pub executor: String,
    /// The image's reference.
    pub image: String,
    /// The program and its first arguments.
    pub command: Vec<String>,
    /// More arguments.
    pub args: Vec<String>,
}

/// What becomes of a container. What is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerEdit {
    /// Another image.
    pub image: Option<String>,
    /// Another program.
    pub command: Option<Vec<String>>,
    /// Other arguments.
    pub args: Option<Vec<String>>,
}

/// There is no such container to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("executor `{0}` is no container of the pipeline")]
pub struct NoSuchContainer(pub String);

impl Package {
    /// All containers of the pipeline, in its order, as they are written.
    pub fn containers(&self) -> Vec<ContainerText> {
        let executors = either(self.pipeline.as_object(), "deploymentSpec", "deployment_spec");
        let executors = executors.and_then(|spec| spec.get("executors")).and_then(Value::as_object);
        let texts = |container: &Map<String, Value>, key: &str| -> Vec<String> {
            let list = container.get(key).and_then(Value::as_array);
            list.into_iter().flatten().map(crate::value::text_of).collect()
        };
        let container = |(label, executor): (&String, &Value)| {
            let container = executor.get("container")?.as_object()?;
            Some(ContainerText {
                executor: label.clone(),
                image: container.get("image")?.as_str()?.to_owned(),
                command: texts(container, "command"),
                args: texts(container, "args"),
            })
        };
        executors.into_iter().flatten().filter_map(container).collect()
    }

    /// Changes one container.
    pub fn edit_container(
        &mut self,
        executor: &str,
        edit: ContainerEdit,
    ) -> Result<(), NoSuchContainer> {
        let missing = || NoSuchContainer(executor.to_owned());
        let container = self.container_mut(executor).ok_or_else(missing)?;
        if let Some(image) = edit.image {
            container.insert("image".to_owned(), Value::String(image));
        }
        for (key, words) in [("command", edit.command), ("args", edit.args)] {
            if let Some(words) = words {
                container.insert(key.to_owned(), Value::from(words));
            }
        }
        Ok(())
    }

    fn container_mut(&mut self, executor: &str) -> Option<&mut Map<String, Value>> {
        let pipeline = self.pipeline.as_object_mut()?;
        let key = if pipeline.contains_key("deploymentSpec") {
            "deploymentSpec"
        } else {
            "deployment_spec"
        };
        let executors = pipeline.get_mut(key)?.get_mut("executors")?;
        executors.get_mut(executor)?.get_mut("container")?.as_object_mut()
    }
}

fn either<'v>(map: Option<&'v Map<String, Value>>, a: &str, b: &str) -> Option<&'v Value> {
    let map = map?;
    map.get(a).or_else(|| map.get(b))
}
