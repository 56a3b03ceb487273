//! Where the outputs of a graph come from.

use super::Compiler;
use super::tasks::{Around, output_of};
use crate::plan::{Body, DagOutputs, OutputSource, TaskOutput};
use crate::problem::{Fault, Place};
use crate::spec::{ComponentSpec, DagSpec, OutputSpec, TaskOutputSpec};
use crate::value::ParameterType;

impl<'p> Compiler<'p> {
    pub(super) fn outputs(
        &self,
        spec: &ComponentSpec,
        dag: &'p DagSpec,
        around: &Around<'p>,
        place: &Place,
    ) -> DagOutputs {
        let field = |kind: &str, name: &str| place.at(format!("outputs.{kind}.{name}"));
        let mut outputs = DagOutputs::default();
        for (name, output) in &dag.parameters {
            let place = field("parameters", name);
            let find =
                |source: &TaskOutputSpec| self.parameter_source(name, source, spec, around, &place);
            outputs.parameters.extend(found(name, output, find));
        }
        for (name, output) in &dag.artifacts {
            let place = field("artifacts", name);
            let find = |source: &TaskOutputSpec| {
                let (sibling, _) = self.output_artifact(source, around, &place)?;
                Some(output_of(sibling, &source.key))
            };
            outputs.artifacts.extend(found(name, output, find));
        }
        self.check_complete(spec, dag, place);
        let collected = outputs.parameters.iter().filter(|(_, source)| self.is_collected(source));
        outputs.collected = collected.map(|(name, _)| name.clone()).collect();
        outputs
    }

    fn is_collected(&self, source: &OutputSource) -> bool {
        source.candidates().iter().any(|from| {
            let task = &self.tasks[from.task];
            let inner = self.components.get(task.component).map(|component| component.body);
            task.iterator.is_some()
                || matches!(inner, Some(Body::Dag(dag)) if self.dags[dag].outputs.collected.contains(&from.key))
        })
    }

    fn parameter_source(
        &self,
        name: &str,
        source: &TaskOutputSpec,
        spec: &ComponentSpec,
        around: &Around<'p>,
        place: &Place,
    ) -> Option<TaskOutput> {
        let (sibling, kind) = self.output_parameter(source, around, place)?;
        // What is collected over the rounds of a loop is declared as a list within the loop as well.
        let declared = spec.outputs.parameters.get(name);
        let declared = declared.filter(|kind| **kind != ParameterType::List);
        if let (Some(declared), Some(kind)) = (declared, kind)
            && !declared.takes(kind)
        {
            let source_name = format!("output `{}` of `{}`", source.key, source.task);
            let fault = Fault::TypeMismatch { expected: *declared, source_name, got: kind };
            self.faults.add(place.clone(), fault);
        }
        Some(output_of(sibling, &source.key))
    }

    /// What a graph promises it must get from somewhere.
    fn check_complete(&self, spec: &ComponentSpec, dag: &DagSpec, place: &Place) {
        let given =
            |list: &[(String, OutputSpec)], name: &String| list.iter().any(|(n, _)| n == name);
        for name in spec.outputs.parameters.keys().filter(|name| !given(&dag.parameters, name)) {
            self.faults.add(place.at(format!("outputs.parameters.{name}")), Fault::Missing);
        }
        for name in spec.outputs.artifacts.keys().filter(|name| !given(&dag.artifacts, name)) {
            self.faults.add(place.at(format!("outputs.artifacts.{name}")), Fault::Missing);
        }
    }
}

fn found(
    name: &str,
    output: &OutputSpec,
    find: impl Fn(&TaskOutputSpec) -> Option<TaskOutput>,
) -> Option<(String, OutputSource)> {
    let mut sources: Vec<TaskOutput> = output.sources.iter().map(find).collect::<Option<_>>()?;
    let source = match (output.one_of, sources.pop()) {
        (false, Some(only)) => OutputSource::One(only),
        (_, last) => {
            sources.extend(last);
            OutputSource::OneOf(sources)
        }
    };
    Some((name.to_owned(), source))
}
