//! Follows the stages that the last one is made from.

use std::collections::BTreeMap;

use super::install::{self, Requirement};
use super::{At, BaseImage, Copied, Facts, shell};
use crate::expand::{Expanded, Variables, expand};
use crate::instruction::{Form, Instruction, Kind, Transfer};
use crate::{Dockerfile, Stage};

/// What images have for `PATH` that say nothing else.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Facts of one kind in one file; more were made to fill the memory.
const MOST: usize = 10_000;

/// Reads stage after stage.
pub(super) struct Reader<'a> {
    file: &'a Dockerfile,
    stages: Vec<Stage<'a>>,
    global: Variables,
}

/// A stage as far as it was read.
#[derive(Debug, Clone, Default)]
struct State {
    facts: Facts,
    /// Environment and arguments, which the stage's own lines see.
    variables: Variables,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Dockerfile) -> Self {
        let mut global = Variables::new();
        for instruction in file.global() {
            if let Kind::Arg(arguments) = &instruction.kind {
                for (name, value) in arguments {
                    let value = value.as_ref().and_then(|v| expand(v, &global, file.escape()).ok());
                    global.extend(value.map(|value| (name.clone(), value.text)));
                }
            }
        }
        Self { file, stages: file.stages(), global }
    }

    pub(super) fn last_stage(&self) -> Facts {
        // A stage can only use earlier ones, so each is read once and kept for those after it.
        let mut read: Vec<State> = Vec::new();
        for stage in &self.stages {
            let made = self.stage(stage, &read);
            read.push(made);
        }
        read.pop().map(|made| made.facts).unwrap_or_default()
    }

    fn stage(&self, stage: &Stage<'_>, earlier: &[State]) -> State {
        let line = stage.from.line;
        let mut made = State::default();
        let image = match expand(stage.image, &self.global, self.file.escape()) {
            Ok(Expanded { text, unset }) if unset.is_empty() => text,
            Ok(_) | Err(_) => {
                let note = format!("the image {} has a variable without a default", stage.image);
                made.facts.notes.push(At { value: note, line });
                return self.follow(stage, made, earlier);
            }
        };
        if let Some(below) = self.find(&image, earlier.len()) {
            made = earlier[below].clone();
            // Arguments end with their stage; the environment goes on.
            made.variables = environment(&made.facts);
        } else {
            made.facts.base = Some(At { value: BaseImage::of(&image), line });
            made.variables.insert("PATH".to_owned(), PATH.to_owned());
        }
        self.follow(stage, made, earlier)
    }

    /// The stage of a name among the first `count`: the last one of that name.
    fn find(&self, name: &str, count: usize) -> Option<usize> {
        self.stages[..count].iter().rposition(|stage| stage.is(name))
    }

    fn follow(&self, stage: &Stage<'_>, mut made: State, earlier: &[State]) -> State {
        for instruction in stage.instructions() {
            self.instruction(instruction, &mut made, earlier);
        }
        made
    }

    fn instruction(&self, one: &Instruction, made: &mut State, earlier: &[State]) {
        let line = one.line;
        match &one.kind {
            Kind::Arg(arguments) => self.arguments(arguments, made),
            Kind::Env(pairs) => {
                // All values see the variables as they were before this line.
                let before = made.variables.clone();
                for (name, value) in pairs {
                    let Some(name) = self.text(name, &before, line, made) else { continue };
                    let Some(value) = self.text(value, &before, line, made) else { continue };
                    made.variables.insert(name.clone(), value.clone());
                    made.facts.env.insert(name, At { value, line });
                }
            }
            Kind::Label(pairs) => {
                for (name, value) in pairs {
                    let name = self.own(name, made);
                    let value = self.own(value, made);
                    if let Some((name, value)) = name.zip(value) {
                        made.facts.labels.insert(name, At { value, line });
                    }
                }
            }
            Kind::Run(form) => run(form, one, made),
            Kind::Copy(transfer) | Kind::Add(transfer) => self.copy(one, transfer, made, earlier),
            Kind::Workdir(path) => {
                if let Some(path) = self.own(path, made) {
                    let value = absolute(workdir(&made.facts), &path);
                    made.facts.workdir = Some(At { value, line });
                }
            }
            Kind::User(user) => {
                made.facts.user = self.own(user, made).map(|value| At { value, line });
            }
            Kind::StopSignal(signal) => {
                let value = self.own(signal, made);
                made.facts.stop_signal = value.map(|value| At { value, line });
            }
            Kind::Expose(ports) => self.expose(ports, line, made),
            Kind::Volume(paths) => {
                let paths = paths.iter().filter_map(|path| self.own(path, made));
                let paths: Vec<_> = paths.map(|value| At { value, line }).collect();
                made.facts.volumes.extend(paths);
            }
            Kind::Entrypoint(form) => {
                made.facts.entrypoint = Some(At { value: form.clone(), line });
                // *Dockerfile reference, ENTRYPOINT*: it takes away the command of what is below.
                made.facts.cmd = None;
            }
            Kind::Cmd(form) => made.facts.cmd = Some(At { value: form.clone(), line }),
            Kind::Healthcheck(form) => {
                made.facts.healthcheck = Some(At { value: form.clone(), line });
            }
            // `SHELL` changes how commands are read; ONBUILD is for images made from this one.
            Kind::Shell(_) | Kind::Onbuild(_) | Kind::Maintainer(_) | Kind::From { .. } => {}
        }
    }

    /// A stage sees a global argument only after `ARG name`; the environment is stronger than either.
    fn arguments(&self, arguments: &[(String, Option<String>)], made: &mut State) {
        for (name, default) in arguments {
            let value = match (default, self.global.get(name)) {
                (Some(default), _) => self.own(default, made),
                (None, global) => global.cloned(),
            };
            if !made.facts.env.contains_key(name) {
                made.variables.extend(value.map(|value| (name.clone(), value)));
            }
        }
    }

    fn expose(&self, ports: &[String], line: u32, made: &mut State) {
        for port in ports {
            let Some(port) = self.own(port, made) else { continue };
            for port in port.split_whitespace() {
                let port = port.to_ascii_lowercase();
                let value = if port.contains('/') { port } else { format!("{port}/tcp") };
                if !made.facts.expose.iter().any(|at| at.value == value) {
                    made.facts.expose.push(At { value, line });
                }
            }
        }
    }

    fn copy(&self, one: &Instruction, transfer: &Transfer, made: &mut State, earlier: &[State]) {
        let line = one.line;
        let sources = transfer.sources.iter().filter_map(|source| self.own(source, made));
        let sources: Vec<String> = sources.collect::<Vec<_>>();
        let Some(written) = self.own(&transfer.destination, made) else { return };
        let destination = absolute(workdir(&made.facts), &written);
        let into_folder = written.ends_with('/')
            || written.rsplit('/').next().is_some_and(|last| last == "." || last == "..")
            || Some(&destination) == made.facts.workdir.as_ref().map(|at| &at.value)
            || sources.len() > 1;
        match one.flag("from") {
            None => {
                // Addresses and texts are not in the context.
                let here = |s: &&String| !s.contains("://") && !s.starts_with("<<");
                let sources: Vec<String> = sources.iter().filter(here).cloned().collect();
                if !sources.is_empty() && made.facts.copies.len() < MOST {
                    let value = Copied { sources, destination, into_folder };
                    made.facts.copies.push(At { value, line });
                }
            }
            Some(from) => {
                let from = self.own(from, made);
                let stage = from.and_then(|from| self.find(&from, earlier.len()));
                if let Some(stage) = stage {
                    take(&earlier[stage].facts, &sources, &destination, into_folder, made);
                }
            }
        }
    }

    /// A word with the stage's variables replaced; none where it cannot be read.
    fn own(&self, word: &str, made: &State) -> Option<String> {
        expand(word, &made.variables, self.file.escape()).ok().map(|expanded| expanded.text)
    }

    fn text(&self, word: &str, seen: &Variables, line: u32, made: &mut State) -> Option<String> {
        match expand(word, seen, self.file.escape()) {
            Ok(expanded) => {
                for name in expanded.unset {
                    let value = format!("variable {name} has no value here");
                    made.facts.notes.push(At { value, line });
                }
                Some(expanded.text)
            }
            Err(bad) => {
                let value = format!("a word cannot be read: {}", bad.0);
                made.facts.notes.push(At { value, line });
                None
            }
        }
    }
}

/// What a command installs. Long scripts are read, not run.
fn run(form: &Form, one: &Instruction, made: &mut State) {
    let line = one.line;
    let commands = match form {
        Form::Shell(text) => {
            // A heredoc that stands alone is the script; elsewhere it is what a command reads.
            let alone = text.trim_start().starts_with("<<");
            let texts = one.heredocs.iter().take(usize::from(alone)).map(|t| &t.content);
            let texts = std::iter::once(text).chain(texts);
            texts.flat_map(|text| shell::commands(text, &made.variables)).collect()
        }
        Form::Exec(words) => {
            let words = words.iter().map(|word| shell::Word { text: word.clone(), open: false });
            vec![words.collect()]
        }
    };
    for command in commands {
        let installed = install::installed(&command);
        for package in installed.apt {
            let known = made.facts.apt.iter().any(|at| at.value.name == package.name);
            if !known && made.facts.apt.len() < MOST {
                made.facts.apt.push(At { value: package, line });
            }
        }
        for requirement in installed.python {
            let value = located(requirement, &made.facts);
            let known = made.facts.python.iter().any(|at| at.value == value);
            if !known && made.facts.python.len() < MOST {
                made.facts.python.push(At { value, line });
            }
        }
        if installed.open > 0 {
            let program = command.first().map(|word| word.text.as_str()).unwrap_or_default();
            let value = format!("{program} installs something that only shows when it runs");
            made.facts.notes.push(At { value, line });
        }
    }
}

fn environment(facts: &Facts) -> Variables {
    let mut variables: BTreeMap<String, String> =
        facts.env.iter().map(|(name, at)| (name.clone(), at.value.clone())).collect();
    variables.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
    variables
}

fn workdir(facts: &Facts) -> &str {
    facts.workdir.as_ref().map_or("/", |at| at.value.as_str())
}

/// A path in the image, without what means nothing.
fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut kept: Vec<&str> = Vec::new();
    for component in whole.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(kept.pop()),
            component => kept.push(component),
        }
    }
    format!("/{}", kept.join("/"))
}

/// `COPY --from`: what the other stage installed may come along, and what it copied from the context
/// comes along as far as it lies in what is copied.
fn take(other: &Facts, sources: &[String], destination: &str, into: bool, made: &mut State) {
    for found in &other.python {
        if !made.facts.python.contains(found) && made.facts.python.len() < MOST {
            made.facts.python.push(found.clone());
        }
    }
    for source in sources {
        let source = absolute("/", source);
        for copied in &other.copies {
            if made.facts.copies.len() >= MOST {
                return;
            }
            let from = &copied.value.destination;
            let rest = match from.strip_prefix(&source) {
                _ if source == "/" => Some(from.as_str()),
                Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(rest),
                Some(_) | None => None,
            };
            let Some(rest) = rest else { continue };
            // A single file that is renamed or goes into a folder keeps its name there.
            let name = source.rsplit('/').next().unwrap_or_default();
            let is_file = rest.is_empty() && !copied.value.into_folder;
            let place = match (is_file && into, rest) {
                (true, _) => absolute(destination, name),
                (false, rest) => absolute("/", &format!("{destination}/{rest}")),
            };
            let value = Copied {
                sources: copied.value.sources.clone(),
                destination: place,
                into_folder: copied.value.into_folder,
            };
            made.facts.copies.push(At { value, line: copied.line });
        }
    }
}

/// A requirements file's path in the image, as a path in the context where a copy tells it.
fn located(requirement: Requirement, facts: &Facts) -> Requirement {
    let Requirement::File(path) = requirement else { return requirement };
    let place = absolute(workdir(facts), &path);
    let found = facts.copies.iter().rev().find_map(|copied| origin(&copied.value, &place));
    Requirement::File(found.unwrap_or(path))
}

/// Where in the context a file of the image comes from, if this copy brings it. Patterns are not tried.
fn origin(copied: &Copied, place: &str) -> Option<String> {
    let rest = match copied.destination.as_str() {
        "/" => place.strip_prefix('/')?,
        destination => match place.strip_prefix(destination)? {
            "" => "",
            rest => rest.strip_prefix('/')?,
        },
    };
    copied.sources.iter().find_map(|source| {
        let source = absolute("/", source);
        let source = source.trim_start_matches('/');
        let name = source.rsplit('/').next().unwrap_or(source);
        match rest {
            "" => (!source.is_empty() && !copied.into_folder).then(|| source.to_owned()),
            rest if rest == name && copied.into_folder => Some(source.to_owned()),
            rest if source.is_empty() => Some(rest.to_owned()),
            // Whether the source is a file or a folder is not known here.
            rest if !name.contains('.') => Some(format!("{source}/{rest}")),
            _ => None,
        }
    })
}
