//! Whether placeholders speak of something that is there.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use crate::problem::{Place, Unknown};
use crate::spec::ComponentSpec;
use crate::template::{Argument, Constant, Placeholder, Template, TemplateError};

impl Compiler<'_> {
    /// A constant is complete before the task has outputs; it can speak of input parameters and of the run.
    /// `or` says which names need not be known.
    pub(super) fn check_names(
        &self,
        constant: &Constant,
        known: &BTreeSet<&str>,
        or: fn(&str) -> bool,
        place: &Place,
    ) {
        constant.placeholders(&mut |placeholder| {
            let error = match placeholder {
                Placeholder::InputParameter { name, .. }
                    if known.contains(name.as_str()) || or(name) =>
                {
                    return;
                }
                Placeholder::Fact(_) => return,
                Placeholder::InputParameter { name, .. } => TemplateError::UnknownInputParameter(
                    self.faults.unknown(name, known.iter().copied()),
                ),
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
            if let Err(error) = self.check(placeholder, spec) {
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
                    let error =
                        TemplateError::UnknownInputParameter(self.faults.unknown(input, known));
                    self.faults.add(place.clone(), error.into());
                }
            },
        );
    }

    fn check(&self, placeholder: &Placeholder, spec: &ComponentSpec) -> Result<(), TemplateError> {
        let (inputs, outputs) = (&spec.inputs, &spec.outputs);
        match placeholder {
            Placeholder::Exchange | Placeholder::OutputFile | Placeholder::Fact(_) => Ok(()),
            // `set_container_image` and the like speak of channels that no component declares.
            Placeholder::InputParameter { name, .. } if super::bindings::is_channel(name) => Ok(()),
            Placeholder::InputParameter { name, .. } => {
                self.among(&inputs.parameters, name, TemplateError::UnknownInputParameter)
            }
            Placeholder::InputArtifact(name, _) => {
                self.among(&inputs.artifacts, name, TemplateError::UnknownInputArtifact)
            }
            Placeholder::OutputArtifact(name, _) => {
                self.among(&outputs.artifacts, name, TemplateError::UnknownOutputArtifact)
            }
            Placeholder::OutputParameterFile(name) => {
                self.among(&outputs.parameters, name, TemplateError::UnknownOutputParameter)
            }
        }
    }

    fn among<T>(
        &self,
        known: &BTreeMap<String, T>,
        name: &str,
        error: impl FnOnce(Unknown) -> TemplateError,
    ) -> Result<(), TemplateError> {
        if known.contains_key(name) {
            return Ok(());
        }
        Err(error(self.faults.unknown(name, known.keys().map(String::as_str))))
    }
}
