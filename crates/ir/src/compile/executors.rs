//! Executors.

use super::Compiler;
use crate::arena::ExecutorId;
use crate::plan::{
    Amount, Container, CreateVolume, DeleteVolume, Executor, ExecutorKind, Importer, Resources,
    Variable,
};
use crate::problem::{Fault, Place};
use crate::spec::{ComponentSpec, ExecutorSpec, ImporterUri};
use crate::template::{Argument, Constant, Template, TemplateError};

impl Compiler<'_> {
    /// The executor of this name. What it says is checked against each component that uses it.
    pub(super) fn executor(
        &mut self,
        label: &str,
        spec: &ComponentSpec,
        place: &Place,
    ) -> Option<ExecutorId> {
        let Some(found) = self.executor_specs.get(label).copied() else {
            let known = self.executor_specs.keys().copied();
            let fault = Fault::UnknownExecutor(self.faults.unknown(label, known));
            self.faults.add(place.at("executorLabel"), fault);
            return None;
        };
        let known = self.executors_done.get(label).copied();
        let id = known.unwrap_or_else(|| {
            let kind = self.kind(label, found);
            kind.map(|kind| self.executors.push(Executor { name: label.to_owned(), kind }))
        });
        self.executors_done.insert(label.to_owned(), id);
        if let Some(id) = id {
            self.check_executor(&self.executors[id].kind, label, spec);
        }
        id
    }

    fn kind(&self, label: &str, spec: &ExecutorSpec) -> Option<ExecutorKind> {
        let place = |field: &str| Place::field(format!("deploymentSpec.executors.{label}.{field}"));
        match spec {
            ExecutorSpec::Refused => None,
            ExecutorSpec::Container { image, .. } if image == "argostub/createpvc" => {
                Some(ExecutorKind::CreateVolume(CreateVolume {}))
            }
            ExecutorSpec::Container { image, .. } if image == "argostub/deletepvc" => {
                Some(ExecutorKind::DeleteVolume(DeleteVolume {}))
            }
            ExecutorSpec::Container { image, command, args, env, resources, pre_cache_check } => {
                let variable = |(at, (name, value)): (usize, &(String, String))| {
                    let place = place(&format!("container.env[{at}]"));
                    Variable { name: name.clone(), value: self.template(value, &place) }
                };
                Some(ExecutorKind::Container(Box::new(Container {
                    image: self.template(image, &place("container.image")),
                    command: self.arguments(command, &place("container.command")),
                    args: self.arguments(args, &place("container.args")),
                    env: env.iter().enumerate().map(variable).collect(),
                    resources: (**resources).clone(),
                    pre_cache_check: pre_cache_check.clone(),
                })))
            }
            ExecutorSpec::Importer { uri, kind, metadata, reimport, download_to_workspace } => {
                let text = match uri {
                    ImporterUri::Constant(text) => text.clone(),
                    ImporterUri::Input(name) => format!("{{{{$.inputs.parameters['{name}']}}}}"),
                };
                let constant = Constant::parse(metadata);
                let wrong = |error: TemplateError| {
                    self.faults.add(place("importer.metadata"), error.into());
                };
                Some(ExecutorKind::Importer(Importer {
                    uri: self.template(&text, &place("importer.artifactUri")),
                    kind: kind.clone(),
                    metadata: constant.map_err(wrong).ok()?,
                    reimport: *reimport,
                    download_to_workspace: *download_to_workspace,
                }))
            }
        }
    }

    /// What is wrong is noted; the text is taken as it stands then, so that the rest can be looked at as well.
    fn template(&self, text: &str, place: &Place) -> Template {
        Template::parse(text).unwrap_or_else(|error| {
            self.faults.add(place.clone(), error.into());
            Template::lenient(text)
        })
    }

    fn arguments(&self, texts: &[String], place: &Place) -> Vec<Argument> {
        let argument = |(at, text): (usize, &String)| {
            if is_source(texts, at) {
                return Argument::lenient(text);
            }
            Argument::parse(text).unwrap_or_else(|error| {
                self.faults.add(place.at(format!("{}[{at}]", place.field_name())), error.into());
                Argument::lenient(text)
            })
        };
        texts.iter().enumerate().map(argument).collect()
    }

    fn check_executor(&self, kind: &ExecutorKind, label: &str, spec: &ComponentSpec) {
        let place =
            |field: String| Place::field(format!("deploymentSpec.executors.{label}.{field}"));
        match kind {
            ExecutorKind::CreateVolume(_) | ExecutorKind::DeleteVolume(_) => {}
            ExecutorKind::Importer(importer) => {
                self.check_template(&importer.uri, spec, &place("importer.artifactUri".into()));
                let known = spec.inputs.parameters.keys().map(String::as_str).collect();
                let place = place("importer.metadata".into());
                self.check_names(&importer.metadata, &known, super::bindings::is_channel, &place);
            }
            ExecutorKind::Container(container) => {
                self.check_template(&container.image, spec, &place("container.image".into()));
                let sources: Vec<String> =
                    container.command.iter().map(|argument| argument.source().to_owned()).collect();
                let command = container.command.iter().enumerate();
                for (at, argument) in command.filter(|(at, _)| !is_source(&sources, *at)) {
                    self.check_argument(argument, spec, &place(format!("container.command[{at}]")));
                }
                for (at, argument) in container.args.iter().enumerate() {
                    self.check_argument(argument, spec, &place(format!("container.args[{at}]")));
                }
                for (at, variable) in container.env.iter().enumerate() {
                    self.check_template(
                        &variable.value,
                        spec,
                        &place(format!("container.env[{at}]")),
                    );
                }
                for template in templates(&container.resources) {
                    self.check_template(template, spec, &place("container.resources".into()));
                }
            }
        }
    }
}

/// Whether an element of a command is the source of a lightweight component: what it says about placeholders is its
/// own business.
fn is_source(command: &[String], at: usize) -> bool {
    at > 0 && command[at - 1].contains("kfp.dsl.executor_main")
}

fn templates(resources: &Resources) -> Vec<&Template> {
    fn of<T>(amount: Option<&Amount<T>>) -> Option<&Template> {
        match amount {
            None | Some(Amount::Fixed(_)) => None,
            Some(Amount::Template(template)) => Some(template),
        }
    }
    let Resources { cpu_request, cpu_limit, memory_request, memory_limit, accelerator } = resources;
    let cpus = [of(cpu_request.as_ref()), of(cpu_limit.as_ref())];
    let memory = [of(memory_request.as_ref()), of(memory_limit.as_ref())];
    let devices =
        accelerator.iter().flat_map(|device| [Some(&device.kind), of(Some(&device.count))]);
    cpus.into_iter().chain(memory).chain(devices).flatten().collect()
}
