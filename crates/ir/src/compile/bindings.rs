//! Where the inputs of a task come from, and whether their types go together.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use super::tasks::{Around, Sibling, output_of};
use crate::arena::{ComponentId, TaskId};
use crate::condition::Selector;
use crate::plan::{ArtifactSource, Body, InputParameter, ParameterBinding, ParameterSource};
use crate::problem::{Fault, Place, Unknown};
use crate::spec::{ArtifactBindingSpec, BindingSpec, Faults, SourceSpec, TaskOutputSpec, TaskSpec};
use crate::value::ParameterType;

/// Names that the SDK makes for what placeholders and conditions speak of. No component declares them.
pub(super) fn is_channel(name: &str) -> bool {
    name.starts_with("pipelinechannel--")
}

/// Whether an input that a component does not declare is probably meant for one that it does declare and that nobody
/// gives. Others are taken as they are: the SDK hands on what only the executor's placeholders speak of.
fn is_mistyped<'n>(
    faults: &Faults,
    name: &str,
    given: &BTreeSet<&str>,
    declared: impl Iterator<Item = &'n str>,
) -> Option<Unknown> {
    if is_channel(name) {
        return None;
    }
    let unknown = faults.unknown(name, declared.filter(|known| !given.contains(known)));
    unknown.has_nearest().then_some(unknown)
}

impl<'p> Compiler<'p> {
    /// What is filed under a name. That there is nothing is noted.
    fn known<'m, T>(
        &self,
        map: &'m BTreeMap<String, T>,
        name: &str,
        place: &Place,
        fault: impl FnOnce(Unknown) -> Fault,
    ) -> Option<&'m T> {
        let found = map.get(name);
        if found.is_none() {
            let unknown = self.faults.unknown(name, map.keys().map(String::as_str));
            self.faults.add(place.clone(), fault(unknown));
        }
        found
    }

    /// What a component says about an input, unless it need not know it.
    fn declared<'m, T>(
        &self,
        map: &'m BTreeMap<String, T>,
        name: &str,
        given: &BTreeSet<&str>,
        component: &str,
        place: &Place,
    ) -> Option<&'m T> {
        let found = map.get(name);
        if found.is_none()
            && let Some(input) =
                is_mistyped(self.faults, name, given, map.keys().map(String::as_str))
        {
            let component = component.to_owned();
            self.faults.add(place.clone(), Fault::NoSuchInput { component, input });
        }
        found
    }

    pub(super) fn parameters(
        &self,
        spec: &'p TaskSpec,
        component: Option<ComponentId>,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> BTreeMap<String, ParameterBinding> {
        let names: BTreeSet<&str> = spec.parameters.iter().map(|(name, _)| name.as_str()).collect();
        let mut bindings = BTreeMap::new();
        for (name, binding) in &spec.parameters {
            let place = place.at(format!("inputs.parameters.{name}"));
            let declared = component.and_then(|id| {
                let component = &self.components[id];
                let known = &component.inputs.parameters;
                self.declared(known, name, &names, &component.name, &place)
            });
            let Some((binding, kind)) = self.binding(binding, &names, around, &place, needs) else {
                continue;
            };
            if let Some(declared) = declared {
                self.check_parameter(declared, &binding, kind, &place);
            }
            bindings.insert(name.clone(), binding);
        }
        bindings
    }

    /// A binding, and the type of what it gives where that is known. `inputs` are what placeholders may speak of.
    pub(super) fn binding(
        &self,
        spec: &BindingSpec,
        inputs: &BTreeSet<&str>,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> Option<(ParameterBinding, Option<ParameterType>)> {
        let (source, kind) = match &spec.source {
            SourceSpec::Input(name) => {
                let kind = self.around_parameter(name, around, place)?;
                (ParameterSource::Input(name.clone()), Some(kind))
            }
            SourceSpec::Output(output) => {
                let (sibling, kind) = self.output_parameter(output, around, place)?;
                needs.push(sibling.id);
                (ParameterSource::Output(output_of(sibling, &output.key)), kind)
            }
            SourceSpec::FinalStatus(task) => {
                let sibling = self.sibling(task, around, place)?;
                needs.push(sibling.id);
                (ParameterSource::FinalStatus(sibling.id), Some(ParameterType::TaskFinalStatus))
            }
            SourceSpec::Constant(value) => {
                (ParameterSource::Constant(self.constant(value, inputs, place)?), None)
            }
        };
        let selector = match &spec.selector {
            None => None,
            Some(text) => match Selector::parse(text) {
                Ok(selector) => Some(selector),
                Err(error) => {
                    let expression = text.chars().take(100).collect();
                    let place =
                        place.at(format!("{}.parameterExpressionSelector", place.field_name()));
                    self.faults.add(place, Fault::Condition { expression, error });
                    return None;
                }
            },
        };
        let kind = kind.filter(|_| selector.is_none());
        Some((ParameterBinding { source, selector }, kind))
    }

    fn around_parameter(
        &self,
        name: &str,
        around: &Around<'p>,
        place: &Place,
    ) -> Option<ParameterType> {
        let known = &around.inputs.parameters;
        Some(self.known(known, name, place, Fault::UnknownInputParameter)?.kind)
    }

    pub(super) fn output_parameter(
        &self,
        output: &TaskOutputSpec,
        around: &Around<'p>,
        place: &Place,
    ) -> Option<(Sibling, Option<ParameterType>)> {
        let sibling = self.sibling(&output.task, around, place)?;
        let Some(component) = sibling.component else { return Some((sibling, None)) };
        let declared = &self.components[component].outputs.parameters;
        let task = output.task.clone();
        let fault = |output| Fault::UnknownOutputParameter { task, output };
        let kind = self.known(declared, &output.key, place, fault)?;
        let graph = matches!(self.components[component].body, Body::Dag(_));
        let kind = match (sibling.looped, *kind) {
            (true, _) => Some(ParameterType::List),
            // The SDK calls an output a list because somebody collects it, wherever it passes on the way.
            (false, ParameterType::List) if graph => None,
            (false, kind) => Some(kind),
        };
        Some((sibling, kind))
    }

    fn check_parameter(
        &self,
        declared: &InputParameter,
        binding: &ParameterBinding,
        kind: Option<ParameterType>,
        place: &Place,
    ) {
        if let Some(kind) = kind.filter(|kind| !declared.kind.takes(*kind)) {
            let source_name = self.named(&binding.source);
            self.faults.add(
                place.clone(),
                Fault::TypeMismatch { expected: declared.kind, source_name, got: kind },
            );
        }
        let ParameterSource::Constant(constant) = &binding.source else { return };
        let literal =
            constant.literal().filter(|value| !value.is_null() && binding.selector.is_none());
        let Some(value) = literal else { return };
        let checked =
            declared.kind.coerced(value.clone()).and_then(|value| declared.allows(&value));
        if let Err(error) = checked {
            self.faults.add(place.clone(), error.into());
        }
    }

    fn named(&self, source: &ParameterSource) -> String {
        match source {
            ParameterSource::Input(name) => format!("input `{name}`"),
            ParameterSource::Output(output) => {
                let task = self.tasks.get(output.task).map_or("", |task| task.name.as_str());
                format!(
                    "output `{}`{}",
                    output.key,
                    if task.is_empty() { String::new() } else { format!(" of `{task}`") }
                )
            }
            ParameterSource::Constant(_) => "the constant".to_owned(),
            ParameterSource::FinalStatus(_) => "the status of a task".to_owned(),
        }
    }

    pub(super) fn artifacts(
        &self,
        spec: &'p TaskSpec,
        component: Option<ComponentId>,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> BTreeMap<String, ArtifactSource> {
        let names: BTreeSet<&str> = spec.artifacts.iter().map(|(name, _)| name.as_str()).collect();
        let mut sources = BTreeMap::new();
        for (name, binding) in &spec.artifacts {
            let place = place.at(format!("inputs.artifacts.{name}"));
            let expected = component.and_then(|id| {
                let component = &self.components[id];
                let known = &component.inputs.artifacts;
                let declared = self.declared(known, name, &names, &component.name, &place);
                Some(declared?.list)
            });
            let Some((source, list, source_name)) = self.artifact(binding, around, &place, needs)
            else {
                continue;
            };
            if let (Some(expected), Some(list)) = (expected, list)
                && expected != list
            {
                self.faults.add(place, Fault::ListMismatch { list: expected, source_name });
            }
            sources.insert(name.clone(), source);
        }
        sources
    }

    /// Where an artifact comes from, whether it is a list of them, and its name for a message.
    fn artifact(
        &self,
        binding: &ArtifactBindingSpec,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> Option<(ArtifactSource, Option<bool>, String)> {
        match binding {
            ArtifactBindingSpec::Input(name) => {
                let known = &around.inputs.artifacts;
                let declared = self.known(known, name, place, Fault::UnknownInputArtifact)?;
                let shown = format!("input `{name}` of `{}`", around.component);
                Some((ArtifactSource::Input(name.clone()), Some(declared.list), shown))
            }
            ArtifactBindingSpec::Output(output) => {
                let (sibling, list) = self.output_artifact(output, around, place)?;
                needs.push(sibling.id);
                let shown = format!("output `{}` of `{}`", output.key, output.task);
                Some((ArtifactSource::Output(output_of(sibling, &output.key)), list, shown))
            }
        }
    }

    pub(super) fn output_artifact(
        &self,
        output: &TaskOutputSpec,
        around: &Around<'p>,
        place: &Place,
    ) -> Option<(Sibling, Option<bool>)> {
        let sibling = self.sibling(&output.task, around, place)?;
        let Some(component) = sibling.component else { return Some((sibling, None)) };
        let declared = &self.components[component].outputs.artifacts;
        let task = output.task.clone();
        let fault = |output| Fault::UnknownOutputArtifact { task, output };
        let artifact = self.known(declared, &output.key, place, fault)?;
        Some((sibling, Some(artifact.list || sibling.looped)))
    }
}
