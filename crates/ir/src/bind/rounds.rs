//! The rounds of a loop.

use serde_json::Value;

use super::{InputError, InputFault};
use crate::arena::TaskId;
use crate::exchange::{Artifact, Exchange, Inputs};
use crate::plan::{Items, Plan};
use crate::template::{Context, Facts};

/// More rounds than any loop has.
pub(super) const MAX_ITEMS: usize = 1_000_000;

/// What a round is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A value.
    Parameter(Value),
    /// An artifact.
    Artifact(Artifact),
}

/// What a loop has rounds for, from the inputs of the loop as a whole; none where the task is no loop. A loop may have
/// no rounds at all.
pub fn items(
    plan: &Plan,
    task: TaskId,
    inputs: &Inputs,
    facts: &Facts,
) -> Option<Result<Vec<Item>, InputError>> {
    let iterator = plan.tasks[task].iterator.as_ref()?;
    let found = match &iterator.items {
        Items::Raw(constants) => {
            let exchange = Exchange { inputs: inputs.clone(), ..Exchange::default() };
            let declared = &plan.component_of(task).inputs;
            let context = Context { exchange: &exchange, facts, declared };
            let item = |constant: &crate::template::Constant| {
                constant.render(&context).map(Item::Parameter).map_err(InputFault::Render)
            };
            constants
                .iter()
                .map(item)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|f| f.of(&iterator.item_input))
        }
        Items::Parameter(name) => {
            let values = inputs.parameters.get(name).ok_or(InputFault::NoList).and_then(list);
            let items = values.map(|values| values.into_iter().map(Item::Parameter).collect());
            items.map_err(|fault| fault.of(name))
        }
        Items::Artifact(name) => {
            let artifacts = inputs.artifacts.get(name).cloned().unwrap_or_default();
            Ok(artifacts.into_iter().map(Item::Artifact).collect())
        }
    };
    Some(found.and_then(|items| {
        let rounds = items.len();
        if rounds > MAX_ITEMS {
            Err(InputFault::TooMany(rounds).of(&iterator.item_input))
        } else {
            Ok(items)
        }
    }))
}

/// A list, or a text that is one as JSON.
fn list(value: &Value) -> Result<Vec<Value>, InputFault> {
    match value {
        Value::Array(items) => Ok(items.clone()),
        Value::String(text) => serde_json::from_str(text).map_err(|_| InputFault::NoList),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(InputFault::NoList)
        }
    }
}

/// The inputs that all rounds of a loop have: those of the loop as a whole without what it has rounds for, whose place
/// a round's own item takes.
pub fn without_items(mut inputs: Inputs, items: &Items) -> Inputs {
    match items {
        Items::Raw(_) => {}
        Items::Parameter(all) => drop(inputs.parameters.remove(all)),
        Items::Artifact(all) => drop(inputs.artifacts.remove(all)),
    }
    inputs
}

/// What a round has of its own: the item. All else is the loop's: see [`without_items`].
pub fn round(plan: &Plan, task: TaskId, item: &Item) -> Result<Inputs, InputError> {
    let mut inputs = Inputs::default();
    let Some(iterator) = plan.tasks[task].iterator.as_ref() else { return Ok(inputs) };
    let name = &iterator.item_input;
    match item {
        Item::Parameter(value) => {
            let declared = plan.component_of(task).inputs.parameters.get(name);
            let value = match declared.filter(|_| !value.is_null()) {
                Some(declared) => declared.kind.coerced(value.clone()),
                None => Ok(value.clone()),
            };
            let value = value.map_err(|error| InputFault::Value(error).of(name))?;
            inputs.parameters.insert(name.clone(), value);
        }
        Item::Artifact(artifact) => {
            inputs.artifacts.insert(name.clone(), vec![artifact.clone()]);
        }
    }
    Ok(inputs)
}
