//! Whether placeholders speak of something that is there.

use super::Compiler;
use crate::problem::{Place, Unknown};
use crate::spec::{ComponentSpec, TaskSpec};
use crate::template::{Argument, Constant, Placeholder, Template, TemplateError};

impl Compiler<'_> {
    pub(super) fn check_constant(&self, constant: &Constant, spec: &TaskSpec, place: &Place) {
        let known = || spec.parameters.iter().map(|(name, _)| name.as_str());
        self.check_names(constant, &|name| known().any(|other| other == name), known(), place);
    }

    /// A constant is complete before the task has outputs; it can speak of input parameters and of the run.
    pub(super) fn check_names<'n>(
        &self,
        constant: &Constant,
        is_known: &dyn Fn(&str) -> bool,
        known: impl Iterator<Item = &'n str> + Clone,
        place: &Place,
    ) {
        constant.placeholders(&mut |placeholder| {
            let error = match placeholder {
                Placeholder::InputParameter { name, .. } if is_known(name) => return,
                Placeholder::Fact(_) => return,
                Placeholder::InputParameter { name, .. } => {
                    TemplateError::UnknownInputParameter(Unknown::among(name, known.clone()))
                }
                Placeholder::Exchange
                | Placeholder::InputArtifact(..)
                | Placeholder::OutputArtifact(..)
                | Placeholder::OutputParameterFile(_)
                | Placeholder::OutputFile => TemplateError::NotHere(placeholder.shown()),
            };
            self.faults.add(place.clone(), error.into());
        });
    }

    /// A text of an executor, which is used by a component.
    pub(super) fn check_template(&self, template: &Template, spec: &ComponentSpec, place: &Place) {
        for placeholder in template.placeholders() {
            if let Err(error) = check(placeholder, spec) {
                self.faults.add(place.clone(), error.into());
            }
        }
    }

    pub(super) fn check_argument(&self, argument: &Argument, spec: &ComponentSpec, place: &Place) {
        argument.node().visit(
            &mut |template| self.check_template(template, spec, place),
            &mut |input| {
                let (parameters, artifacts) = (&spec.inputs.parameters, &spec.inputs.artifacts);
                if !parameters.contains_key(input) && !artifacts.contains_key(input) {
                    let known = parameters.keys().chain(artifacts.keys()).map(String::as_str);
                    let error = TemplateError::UnknownInputParameter(Unknown::among(input, known));
                    self.faults.add(place.clone(), error.into());
                }
            },
        );
    }
}

fn check(placeholder: &Placeholder, spec: &ComponentSpec) -> Result<(), TemplateError> {
    let among = |name: &str, known: Vec<&str>| {
        if known.contains(&name) { Ok(()) } else { Err(Unknown::among(name, known)) }
    };
    let (inputs, outputs) = (&spec.inputs, &spec.outputs);
    match placeholder {
        Placeholder::Exchange | Placeholder::OutputFile | Placeholder::Fact(_) => Ok(()),
        // `set_container_image` and the like speak of channels that no component declares.
        Placeholder::InputParameter { name, .. } if name.starts_with("pipelinechannel--") => Ok(()),
        Placeholder::InputParameter { name, .. } => {
            among(name, inputs.parameters.keys().map(String::as_str).collect())
                .map_err(TemplateError::UnknownInputParameter)
        }
        Placeholder::InputArtifact(name, _) => {
            among(name, inputs.artifacts.keys().map(String::as_str).collect())
                .map_err(TemplateError::UnknownInputArtifact)
        }
        Placeholder::OutputArtifact(name, _) => {
            among(name, outputs.artifacts.keys().map(String::as_str).collect())
                .map_err(TemplateError::UnknownOutputArtifact)
        }
        Placeholder::OutputParameterFile(name) => {
            among(name, outputs.parameters.keys().map(String::as_str).collect())
                .map_err(TemplateError::UnknownOutputParameter)
        }
    }
}
