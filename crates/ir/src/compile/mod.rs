//! From documents to a plan. Everything that can be found wrong before a run is found here, and all of it is told.

mod bindings;
mod cycles;
mod executors;
mod outputs;
mod placeholders;
mod tasks;

use std::collections::{BTreeMap, HashMap};

use crate::arena::{Arena, ComponentId, ExecutorId, Id};
use crate::package::Package;
use crate::plan::{Body, Component, Plan};
use crate::problem::{Fault, Place, Problems};
use crate::spec::{self, BodySpec, ComponentSpec, ExecutorSpec, Faults, PipelineSpec};

/// Graphs within graphs.
const MAX_DEPTH: usize = 64;
/// Tasks of all graphs together, before anything is run.
const MAX_TASKS: usize = 100_000;

impl Plan {
    /// Compiles a pipeline.
    pub fn compile(package: &Package) -> Result<Self, Problems> {
        let faults = Faults::default();
        let pipeline = spec::read(package.pipeline(), &faults);
        let config = spec::pipeline_config(package, &faults);
        // What was not understood would be found wrong a second time.
        Problems::none_of(faults.take(), ())?;
        let mut compiler = Compiler::new(package, &pipeline, &faults);
        let root = compiler.root();
        let plan = Self {
            name: pipeline.name.clone(),
            display_name: pipeline.display_name.clone(),
            description: pipeline.description.clone(),
            default_root: pipeline.default_root.clone(),
            sdk_version: pipeline.sdk_version.clone(),
            root,
            config,
            components: compiler.components,
            dags: compiler.dags,
            tasks: compiler.tasks,
            executors: compiler.executors,
        };
        Problems::none_of(faults.take(), plan)
    }
}

/// What is compiled so far.
struct Compiler<'p> {
    package: &'p Package,
    faults: &'p Faults,
    /// Components of the document, by name.
    specs: BTreeMap<&'p str, &'p ComponentSpec>,
    executor_specs: BTreeMap<&'p str, &'p ExecutorSpec>,
    root: &'p ComponentSpec,
    /// Components that are compiled, by name.
    done: HashMap<String, ComponentId>,
    executors_done: HashMap<String, Option<ExecutorId>>,
    /// Components that are being compiled: to meet one of them again is recursion.
    open: Vec<String>,
    components: Arena<ComponentId, Component>,
    dags: Arena<crate::DagId, crate::plan::Dag>,
    tasks: Arena<crate::TaskId, crate::plan::Task>,
    executors: Arena<ExecutorId, crate::plan::Executor>,
}

impl<'p> Compiler<'p> {
    fn new(package: &'p Package, pipeline: &'p PipelineSpec, faults: &'p Faults) -> Self {
        let named = |(name, spec): &'p (String, ComponentSpec)| (name.as_str(), spec);
        let executor = |(name, spec): &'p (String, ExecutorSpec)| (name.as_str(), spec);
        Self {
            package,
            faults,
            specs: pipeline.components.iter().map(named).collect(),
            executor_specs: pipeline.executors.iter().map(executor).collect(),
            root: &pipeline.root,
            done: HashMap::new(),
            executors_done: HashMap::new(),
            open: Vec::new(),
            components: Arena::default(),
            dags: Arena::default(),
            tasks: Arena::default(),
            executors: Arena::default(),
        }
    }

    fn root(&mut self) -> ComponentId {
        let place = Place::root();
        match &self.root.body {
            BodySpec::Dag(dag) if dag.tasks.is_empty() => {
                self.faults.add(Place::field("root.dag.tasks"), Fault::Missing);
                ComponentId::at(0)
            }
            BodySpec::Dag(_) => self.compiled("root", self.root, &place),
            BodySpec::Executor(_) => {
                let fault = Fault::NoneOf(&["`dag`"]);
                self.faults.add(Place::field("root"), fault);
                ComponentId::at(0)
            }
        }
    }

    /// The component of this name. None where there is none, or where it cannot be, which is noted then.
    fn component(&mut self, name: &str, place: &Place) -> Option<ComponentId> {
        if let Some(done) = self.done.get(name) {
            return Some(*done);
        }
        let field = place.at("componentRef");
        let Some(spec) = self.specs.get(name).copied() else {
            let known = self.specs.keys().copied();
            self.faults.add(field, Fault::UnknownComponent(self.faults.unknown(name, known)));
            return None;
        };
        if self.open.iter().any(|open| open == name) {
            self.faults.add(field, Fault::Recursive(name.to_owned()));
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            self.faults.add(field, Fault::TooDeep(MAX_DEPTH));
            return None;
        }
        self.open.push(name.to_owned());
        let id = self.compiled(name, spec, place);
        self.open.pop();
        self.done.insert(name.to_owned(), id);
        Some(id)
    }

    fn compiled(&mut self, name: &str, spec: &'p ComponentSpec, place: &Place) -> ComponentId {
        self.check_literals(spec, place);
        let body = match &spec.body {
            BodySpec::Dag(dag) => Body::Dag(self.dag(name, spec, dag, place)),
            BodySpec::Executor(label) => {
                let executor = self.executor(label, spec, place);
                Body::Executor(executor.unwrap_or(ExecutorId::at(0)))
            }
        };
        self.components.push(Component {
            name: name.to_owned(),
            inputs: spec.inputs.clone(),
            outputs: spec.outputs.clone(),
            body,
            passthroughs: spec.passthroughs.clone(),
        })
    }

    /// A default must be one of the values that are allowed.
    fn check_literals(&self, spec: &ComponentSpec, place: &Place) {
        for (name, input) in &spec.inputs.parameters {
            if let Some(Err(error)) = input.default.as_ref().map(|value| input.allows(value)) {
                self.faults
                    .add(place.at(format!("inputDefinitions.parameters.{name}")), error.into());
            }
        }
    }
}

#[cfg(test)]
mod tests;
