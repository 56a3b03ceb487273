//! Graphs and their tasks.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Compiler, MAX_TASKS, cycles};
use crate::arena::{ComponentId, DagId, Id, TaskId};
use crate::condition::{Condition, ConditionError};
use crate::plan::{
    Body, Caching, Component, Dag, Inputs, Items, Iterator, Kubernetes, Strategy, Task, TaskOutput,
    Trigger,
};
use crate::problem::{Fault, Place, Unknown};
use crate::spec::{ComponentSpec, DagSpec, ItemsSpec, IteratorSpec, TaskSpec, kubernetes};
use crate::template::Constant;
use crate::value::ParameterType;

/// The graph that a task stands in, as far as the task sees it.
pub(super) struct Around<'p> {
    /// What the component around takes.
    pub(super) inputs: &'p Inputs,
    pub(super) component: String,
    /// The tasks beside it, by name.
    pub(super) siblings: HashMap<&'p str, Sibling>,
}

#[derive(Clone, Copy)]
pub(super) struct Sibling {
    pub(super) id: TaskId,
    /// None where the component is not known, which is noted already.
    pub(super) component: Option<ComponentId>,
    pub(super) looped: bool,
}

impl<'p> Compiler<'p> {
    pub(super) fn dag(
        &mut self,
        name: &str,
        spec: &'p ComponentSpec,
        dag: &'p DagSpec,
        place: &Place,
    ) -> DagId {
        // Components first, so that the tasks of one graph are next to each other.
        let components: Vec<Option<ComponentId>> = dag
            .tasks
            .iter()
            .map(|(name, task)| self.component(&task.component, &place.task(name)))
            .collect();
        let first = self.tasks.len();
        if first + dag.tasks.len() > MAX_TASKS {
            self.faults.add(place.clone(), Fault::TooManyTasks(MAX_TASKS));
            return self
                .dags
                .push(Dag { tasks: Vec::new(), outputs: crate::DagOutputs::default() });
        }
        let sibling = |(at, (name, task)): (usize, &'p (String, TaskSpec))| {
            let id = TaskId::at(first + at);
            (
                name.as_str(),
                Sibling { id, component: components[at], looped: task.iterator.is_some() },
            )
        };
        let siblings: HashMap<_, _> = dag.tasks.iter().enumerate().map(sibling).collect();
        let around = Around { inputs: &spec.inputs, component: name.to_owned(), siblings };
        let id = DagId::at(self.dags.len());
        for (name, task) in &dag.tasks {
            let task = self.task(name, task, id, &around, &place.task(name));
            self.tasks.push(task);
        }
        let tasks = self.ordered(first, dag, place);
        let outputs = self.outputs(spec, dag, &around, place);
        self.dags.push(Dag { tasks, outputs })
    }

    fn ordered(&self, first: usize, dag: &DagSpec, place: &Place) -> Vec<TaskId> {
        let ids: Vec<TaskId> = (first..first + dag.tasks.len()).map(TaskId::at).collect();
        let needs: Vec<Vec<usize>> = ids
            .iter()
            .map(|id| self.tasks[*id].needs.iter().map(|need| need.index() - first).collect())
            .collect();
        match cycles::order(&needs) {
            Ok(order) => order.into_iter().map(|at| ids[at]).collect(),
            Err(cycle) => {
                let names = cycle.into_iter().map(|at| self.tasks[ids[at]].name.clone()).collect();
                self.faults.add(place.clone(), Fault::Cycle(names));
                ids
            }
        }
    }

    fn task(
        &mut self,
        name: &str,
        spec: &'p TaskSpec,
        dag: DagId,
        around: &Around<'p>,
        place: &Place,
    ) -> Task {
        let component = around.siblings.get(name).and_then(|sibling| sibling.component);
        let mut needs = self.named_needs(spec, around, place);
        let parameters = self.parameters(spec, component, around, place, &mut needs);
        let artifacts = self.artifacts(spec, component, around, place, &mut needs);
        let kubernetes = component.and_then(|id| self.kubernetes(id, around, place, &mut needs));
        needs.sort_unstable();
        needs.dedup();
        let iterator =
            spec.iterator.as_ref().and_then(|i| self.iterator(i, spec, component, place));
        if let Some(component) = component {
            self.check_required(spec, &self.components[component], place);
        }
        Task {
            name: name.to_owned(),
            display_name: spec.display_name.clone().unwrap_or_else(|| name.to_owned()),
            dag,
            component: component.unwrap_or(ComponentId::at(0)),
            trigger: Trigger {
                strategy: spec.strategy,
                condition: self.condition(spec, component, place),
            },
            exit: is_exit(spec),
            iterator,
            retry: spec.retry,
            caching: Caching { enabled: spec.cached, key: spec.cache_key.clone() },
            needs,
            parameters,
            artifacts,
            kubernetes,
        }
    }

    fn named_needs(&self, spec: &TaskSpec, around: &Around<'p>, place: &Place) -> Vec<TaskId> {
        let place = place.at("dependentTasks");
        let known = spec.dependent.iter();
        known.filter_map(|name| self.sibling(name, around, &place)).map(|s| s.id).collect()
    }

    /// The task of this name in the same graph.
    pub(super) fn sibling(
        &self,
        name: &str,
        around: &Around<'p>,
        place: &Place,
    ) -> Option<Sibling> {
        let found = around.siblings.get(name).copied();
        if found.is_none() {
            let known = around.siblings.keys().copied();
            self.faults.add(place.clone(), Fault::UnknownTask(self.faults.unknown(name, known)));
        }
        found
    }

    fn condition(
        &self,
        spec: &TaskSpec,
        component: Option<ComponentId>,
        place: &Place,
    ) -> Option<Condition> {
        let source = spec.condition.as_ref()?;
        let place = place.at("triggerPolicy.condition");
        let fault = |error: ConditionError| Fault::Condition {
            expression: source.chars().take(100).collect(),
            error,
        };
        let condition = match Condition::parse(source) {
            Ok(condition) => condition,
            Err(error) => {
                self.faults.add(place, fault(error));
                return None;
            }
        };
        let declared = component.map(|id| &self.components[id].inputs);
        let (parameters, artifacts) = condition.inputs();
        let known = names(&spec.parameters)
            .chain(declared.iter().flat_map(|inputs| inputs.parameters.keys().map(String::as_str)));
        self.all_known(&parameters, &known.collect(), &place, Fault::NoTaskParameter);
        let known = names(&spec.artifacts)
            .chain(declared.iter().flat_map(|inputs| inputs.artifacts.keys().map(String::as_str)));
        self.all_known(&artifacts, &known.collect(), &place, Fault::NoTaskArtifact);
        Some(condition)
    }

    /// Notes all names that are not known.
    fn all_known(
        &self,
        all: &[&str],
        known: &BTreeSet<&str>,
        place: &Place,
        fault: impl Fn(Unknown) -> Fault,
    ) {
        for name in all.iter().filter(|name| !known.contains(*name)) {
            let unknown = self.faults.unknown(name, known.iter().copied());
            self.faults.add(place.clone(), fault(unknown));
        }
    }

    fn iterator(
        &self,
        iterator: &IteratorSpec,
        spec: &TaskSpec,
        component: Option<ComponentId>,
        place: &Place,
    ) -> Option<Iterator> {
        let inputs = component.map(|id| &self.components[id].inputs);
        let item_input = &iterator.item_input;
        let items = match &iterator.items {
            ItemsSpec::Raw(raw) => {
                let kind =
                    inputs.and_then(|i| i.parameters.get(item_input)).map(|input| input.kind);
                self.raw_items(raw, kind, spec, &place.at("parameterIterator.items.raw"))?
            }
            ItemsSpec::Parameter(input) => {
                if !names(&spec.parameters).any(|name| name == input) {
                    let unknown = self.faults.unknown(input, names(&spec.parameters));
                    let place = place.at("parameterIterator.items.inputParameter");
                    self.faults.add(place, Fault::NoTaskParameter(unknown));
                }
                Items::Parameter(input.clone())
            }
            ItemsSpec::Artifact(input) => {
                if !names(&spec.artifacts).any(|name| name == input) {
                    let unknown = self.faults.unknown(input, names(&spec.artifacts));
                    let place = place.at("artifactIterator.items.inputArtifact");
                    self.faults.add(place, Fault::NoTaskArtifact(unknown));
                }
                Items::Artifact(input.clone())
            }
        };
        Some(Iterator { items, item_input: item_input.clone(), limit: iterator.limit })
    }

    fn raw_items(
        &self,
        raw: &str,
        kind: Option<ParameterType>,
        spec: &TaskSpec,
        place: &Place,
    ) -> Option<Items> {
        let items: Vec<Value> = match serde_json::from_str(raw) {
            Ok(items) => items,
            Err(error) => {
                self.faults.add(place.clone(), Fault::Items(error.to_string()));
                return None;
            }
        };
        let inputs: BTreeSet<&str> = names(&spec.parameters).collect();
        let mut constants = Vec::with_capacity(items.len());
        for item in &items {
            let constant = self.constant(item, &inputs, place)?;
            if let (Some(kind), Some(value)) = (kind, constant.literal())
                && let Err(error) = kind.coerced(value.clone())
            {
                self.faults.add(place.clone(), error.into());
                return None;
            }
            constants.push(constant);
        }
        Some(Items::Raw(constants))
    }

    /// A value of the document; placeholders in it may speak of these inputs.
    pub(super) fn constant(
        &self,
        value: &Value,
        inputs: &BTreeSet<&str>,
        place: &Place,
    ) -> Option<Constant> {
        match Constant::parse(value) {
            Ok(constant) => {
                self.check_names(&constant, inputs, |_| false, place);
                Some(constant)
            }
            Err(error) => {
                self.faults.add(place.clone(), error.into());
                None
            }
        }
    }

    /// Every input that must have a value has a source.
    fn check_required(&self, spec: &TaskSpec, component: &Component, place: &Place) {
        let item = spec.iterator.as_ref().map(|iterator| iterator.item_input.as_str());
        let missing = |input: &str| {
            let fault =
                Fault::RequiredInput { component: component.name.clone(), input: input.to_owned() };
            self.faults.add(place.clone(), fault);
        };
        for (name, input) in &component.inputs.parameters {
            let given = spec.parameters.iter().any(|(given, _)| given == name);
            // The engine gives this one.
            let ours = input.kind == ParameterType::TaskConfig;
            if !given && !ours && !input.optional && input.default.is_none() && item != Some(name) {
                missing(name);
            }
        }
        for (name, input) in &component.inputs.artifacts {
            let given = spec.artifacts.iter().any(|(given, _)| given == name);
            if !given && !input.optional && item != Some(name) {
                missing(name);
            }
        }
    }

    fn kubernetes(
        &self,
        component: ComponentId,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> Option<Box<Kubernetes>> {
        let Body::Executor(executor) = self.components[component].body else { return None };
        let label = &self.executors.get(executor)?.name;
        let node = self.package.kubernetes_of(label, place, self.faults)?;
        let found = std::cell::RefCell::new(Vec::new());
        let kubernetes = kubernetes(&node, &|node, spec| {
            let place = place.at(node.field());
            let empty = BTreeSet::new();
            let (binding, _) =
                self.binding(&spec, &empty, around, &place, &mut found.borrow_mut())?;
            Some(binding)
        });
        needs.append(&mut found.into_inner());
        Some(Box::new(kubernetes))
    }
}

fn names<T>(list: &[(String, T)]) -> impl std::iter::Iterator<Item = &str> {
    list.iter().map(|(name, _)| name.as_str())
}

/// Exit tasks are told apart by what the SDK calls the graph that they wait for: the pipeline says the same of a task
/// that ignores that something before it failed.
fn is_exit(spec: &TaskSpec) -> bool {
    let handler = |name: &String| {
        name.strip_prefix("exit-handler-").is_some_and(|number| number.parse::<u32>().is_ok())
    };
    spec.strategy == Strategy::AllCompleted
        && !spec.dependent.is_empty()
        && spec.dependent.iter().all(handler)
}

/// An output of a task, found.
pub(super) fn output_of(sibling: Sibling, key: &str) -> TaskOutput {
    TaskOutput { task: sibling.id, key: key.to_owned() }
}
