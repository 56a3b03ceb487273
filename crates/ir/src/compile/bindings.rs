//! Where the inputs of a task come from, and whether their types go together.

use std::collections::BTreeMap;

use super::Compiler;
use super::tasks::{Around, Sibling, output_of};
use crate::arena::{ComponentId, TaskId};
use crate::condition::Selector;
use crate::plan::{ArtifactSource, Body, InputParameter, ParameterBinding, ParameterSource};
use crate::problem::{Fault, Place, Unknown};
use crate::spec::{ArtifactBindingSpec, BindingSpec, SourceSpec, TaskOutputSpec, TaskSpec};
use crate::template::Constant;
use crate::value::ParameterType;

/// Names that the SDK makes for what placeholders and conditions speak of. No component declares them.
const CHANNEL: &str = "pipelinechannel--";

/// Whether an input that a component does not declare is probably meant for one that it does declare and that nobody
/// gives. Others are taken as they are: the SDK hands on what only the executor's placeholders speak of.
fn is_mistyped<'n>(
    name: &str,
    given: impl Iterator<Item = &'n str> + Clone,
    declared: impl Iterator<Item = &'n str>,
) -> Option<Unknown> {
    if name.starts_with(CHANNEL) {
        return None;
    }
    let unknown =
        Unknown::among(name, declared.filter(|known| !given.clone().any(|g| g == *known)));
    unknown.has_nearest().then_some(unknown)
}

impl<'p> Compiler<'p> {
    pub(super) fn parameters(
        &self,
        spec: &'p TaskSpec,
        component: Option<ComponentId>,
        around: &Around<'p>,
        place: &Place,
        needs: &mut Vec<TaskId>,
    ) -> BTreeMap<String, ParameterBinding> {
        let names: BTreeMap<&str, ()> =
            spec.parameters.iter().map(|(name, _)| (name.as_str(), ())).collect();
        let mut bindings = BTreeMap::new();
        for (name, binding) in &spec.parameters {
            let place = place.at(format!("inputs.parameters.{name}"));
            let declared = self.declared_parameter(name, spec, component, &place);
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

    /// What the component says about an input, unless it need not know it.
    fn declared_parameter(
        &self,
        name: &str,
        spec: &TaskSpec,
        component: Option<ComponentId>,
        place: &Place,
    ) -> Option<&InputParameter> {
        let component = &self.components[component?];
        let declared = component.inputs.parameters.get(name);
        let given = spec.parameters.iter().map(|(name, _)| name.as_str());
        let known = component.inputs.parameters.keys().map(String::as_str);
        if declared.is_none()
            && let Some(input) = is_mistyped(name, given, known)
        {
            self.faults.add(
                place.clone(),
                Fault::NoSuchInput { component: component.name.clone(), input },
            );
        }
        declared
    }

    /// A binding, and the type of what it gives where that is known. `inputs` are what placeholders may speak of.
    pub(super) fn binding(
        &self,
        spec: &BindingSpec,
        inputs: &BTreeMap<&str, ()>,
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
                let constant = match Constant::parse(value) {
                    Ok(constant) => constant,
                    Err(error) => {
                        self.faults.add(place.clone(), error.into());
                        return None;
                    }
                };
                self.check_names(
                    &constant,
                    &|name| inputs.contains_key(name),
                    inputs.keys().copied(),
                    place,
                );
                (ParameterSource::Constant(constant), None)
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
        let found = around.inputs.parameters.get(name).map(|input| input.kind);
        if found.is_none() {
            let known = around.inputs.parameters.keys().map(String::as_str);
            self.faults
                .add(place.clone(), Fault::UnknownInputParameter(Unknown::among(name, known)));
        }
        found
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
        let Some(kind) = declared.get(&output.key) else {
            let unknown = Unknown::among(&output.key, declared.keys().map(String::as_str));
            let fault =
                Fault::UnknownOutputParameter { task: output.task.clone(), output: unknown };
            self.faults.add(place.clone(), fault);
            return None;
        };
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
        let mut sources = BTreeMap::new();
        for (name, binding) in &spec.artifacts {
            let place = place.at(format!("inputs.artifacts.{name}"));
            let expected = self.declared_artifact(name, spec, component, &place);
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

    /// Whether the component takes a list of artifacts there. None where it is not known.
    fn declared_artifact(
        &self,
        name: &str,
        spec: &TaskSpec,
        component: Option<ComponentId>,
        place: &Place,
    ) -> Option<bool> {
        let component = &self.components[component?];
        let declared = component.inputs.artifacts.get(name);
        let given = spec.artifacts.iter().map(|(name, _)| name.as_str());
        let known = component.inputs.artifacts.keys().map(String::as_str);
        if declared.is_none()
            && let Some(input) = is_mistyped(name, given, known)
        {
            self.faults.add(
                place.clone(),
                Fault::NoSuchInput { component: component.name.clone(), input },
            );
        }
        declared.map(|declared| declared.list)
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
                let Some(declared) = around.inputs.artifacts.get(name) else {
                    let known = around.inputs.artifacts.keys().map(String::as_str);
                    let fault = Fault::UnknownInputArtifact(Unknown::among(name, known));
                    self.faults.add(place.clone(), fault);
                    return None;
                };
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
        let Some(artifact) = declared.get(&output.key) else {
            let unknown = Unknown::among(&output.key, declared.keys().map(String::as_str));
            let fault = Fault::UnknownOutputArtifact { task: output.task.clone(), output: unknown };
            self.faults.add(place.clone(), fault);
            return None;
        };
        Some((sibling, Some(artifact.list || sibling.looped)))
    }
}
