//! Follows the stages that the last one is made from.

use std::collections::BTreeMap;

use super::copies::{absolute, copied_size, located, requirement_size, take, workdir};
use super::{At, BaseImage, Copied, Facts, install, shell, untaken};
use crate::bounds::Bounds;
use crate::expand::{Expanded, Variables, expand};
use crate::instruction::{Form, Instruction, Kind, Transfer};
use crate::{Dockerfile, Stage};

/// What images have for `PATH` that say nothing else.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// No system has longer paths, in bytes; relative `WORKDIR`s could make one without end.
const LONGEST_PATH: usize = 4096;

/// Reads stage after stage.
pub(super) struct Reader<'a> {
    file: &'a Dockerfile,
    stages: Vec<Stage<'a>>,
    global: Variables,
    bounds: Bounds,
}

/// A stage as far as it was read.
#[derive(Debug, Clone, Default)]
struct State {
    facts: Facts,
    /// Environment and arguments, which the stage's own lines see.
    variables: Variables,
    /// Whether its command is its own, and not that of what is below.
    own_cmd: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Dockerfile) -> Self {
        let (mut global, bounds) = (Variables::new(), Bounds::default());
        for instruction in file.global() {
            if let Kind::Arg(arguments) = &instruction.kind {
                for (name, value) in arguments {
                    let Some(value) = value else { continue };
                    if let Ok(value) = expand(value, &global, file.escape(), &bounds) {
                        let size = value.text.len();
                        bounds.insert(&mut global, name.clone(), size, value.text);
                    }
                }
            }
        }
        Self { file, stages: file.stages(), global, bounds }
    }

    pub(super) fn last_stage(&self) -> Facts {
        // A stage can only use earlier ones, so each is read once and kept for those after it.
        let mut read: Vec<State> = Vec::new();
        for stage in &self.stages {
            let made = self.stage(stage, &read);
            read.push(made);
        }
        let mut facts = read.pop().map(|made| made.facts).unwrap_or_default();
        if self.bounds.are_spent() {
            let value = "the file says more than is looked at".to_owned();
            facts.notes.push(At { value, line: 1 });
        }
        facts
    }

    fn stage(&self, stage: &Stage<'_>, earlier: &[State]) -> State {
        let line = stage.from.line;
        let mut made = State::default();
        let image = match expand(stage.image, &self.global, self.file.escape(), &self.bounds) {
            Ok(Expanded { text, unset }) if unset.is_empty() => text,
            Ok(_) | Err(_) => {
                let note = format!("the image {} has a variable without a default", stage.image);
                self.note(&mut made, note, line);
                return self.follow(stage, made, earlier);
            }
        };
        if let Some(below) = self.find(&image, earlier.len()) {
            if self.bounds.keep(size(&earlier[below].facts)) {
                made.facts = earlier[below].facts.clone();
            } else {
                self.note(&mut made, format!("{image} holds more than is looked at"), line);
            }
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
        let looked = self.bounds.work(count);
        looked.then(|| self.stages[..count].iter().rposition(|stage| stage.is(name))).flatten()
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
            Kind::Env(pairs) => self.environment(pairs, line, made),
            Kind::Label(pairs) => {
                for (name, value) in pairs {
                    let name = self.own(name, made);
                    let value = self.own(value, made);
                    if let Some((name, value)) = name.zip(value) {
                        let (size, value) = (value.len(), At { value, line });
                        self.bounds.insert(&mut made.facts.labels, name, size, value);
                    }
                }
            }
            Kind::Run(form) => self.run(form, one, made),
            Kind::Copy(transfer) | Kind::Add(transfer) => self.copy(one, transfer, made, earlier),
            Kind::Workdir(path) => {
                if let Some(path) = self.own(path, made) {
                    let Some(value) = self.place(&path, made) else { return };
                    if value.len() <= LONGEST_PATH {
                        made.facts.workdir = Some(At { value, line });
                    } else {
                        self.note(made, "the path is longer than any".to_owned(), line);
                    }
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
                for value in paths.collect::<Vec<_>>() {
                    let (size, value) = (value.len(), At { value, line });
                    self.bounds.push(&mut made.facts.volumes, size, value);
                }
            }
            Kind::Entrypoint(form) => {
                made.facts.entrypoint = Some(At { value: form.clone(), line });
                // *Dockerfile reference, ENTRYPOINT*: it takes away the command of what is below, and
                // leaves one that the stage has itself, wherever it stands.
                if !made.own_cmd {
                    made.facts.cmd = None;
                }
            }
            Kind::Cmd(form) => {
                made.facts.cmd = Some(At { value: form.clone(), line });
                made.own_cmd = true;
            }
            Kind::Healthcheck(Some(_)) => {
                let text =
                    "HEALTHCHECK is not taken over: whoever runs the image asks for its health";
                self.note(made, text.to_owned(), line);
            }
            Kind::Shell(_) => {
                let text = "SHELL is not taken over: commands in shell form get /bin/sh";
                self.note(made, text.to_owned(), line);
            }
            // ONBUILD is for images made from this one.
            Kind::Healthcheck(None)
            | Kind::Onbuild(_)
            | Kind::Maintainer(_)
            | Kind::From { .. } => {}
        }
    }

    /// All values see the variables as they were before this line.
    fn environment(&self, pairs: &[(String, String)], line: u32, made: &mut State) {
        let mut set = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let Some(name) = self.text(name, line, made) else { continue };
            let Some(value) = self.text(value, line, made) else { continue };
            // Until the line ends they are kept beside what there is.
            if self.bounds.keep(name.len() + value.len()) {
                set.push((name, value));
            }
        }
        for (name, value) in set {
            let size = value.len();
            self.bounds.insert(&mut made.variables, name.clone(), size, value.clone());
            self.bounds.insert(&mut made.facts.env, name, size, At { value, line });
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
                let Some(value) = value else { continue };
                self.bounds.insert(&mut made.variables, name.clone(), value.len(), value);
            }
        }
    }

    fn expose(&self, ports: &[String], line: u32, made: &mut State) {
        for port in ports {
            let Some(port) = self.own(port, made) else { continue };
            for port in port.split_whitespace() {
                let port = port.to_ascii_lowercase();
                let value = if port.contains('/') { port } else { format!("{port}/tcp") };
                if !self.bounds.known(&made.facts.expose, |at| at.value == value) {
                    let (size, value) = (value.len(), At { value, line });
                    self.bounds.push(&mut made.facts.expose, size, value);
                }
            }
        }
    }

    fn copy(&self, one: &Instruction, transfer: &Transfer, made: &mut State, earlier: &[State]) {
        let line = one.line;
        let sources = transfer.sources.iter().filter_map(|source| self.own(source, made));
        let sources: Vec<String> = sources.collect::<Vec<_>>();
        let Some(written) = self.own(&transfer.destination, made) else { return };
        let Some(destination) = self.place(&written, made) else { return };
        let into_folder = written.ends_with('/')
            || written.rsplit('/').next().is_some_and(|last| last == "." || last == "..")
            || Some(&destination) == made.facts.workdir.as_ref().map(|at| &at.value)
            || sources.len() > 1;
        match one.flag("from") {
            None => {
                // Addresses, which may hold a password, and texts are not in the context.
                let here = |s: &&String| !s.contains("://") && !s.starts_with("<<");
                if !sources.iter().all(|source| here(&source)) {
                    let text = format!(
                        "what goes to {destination} is no file of the folder, and stays out"
                    );
                    self.note(made, text, line);
                }
                let sources: Vec<String> = sources.iter().filter(here).cloned().collect();
                if !sources.is_empty() {
                    let value = Copied { sources, destination, into_folder };
                    let size = copied_size(&value);
                    self.bounds.push(&mut made.facts.copies, size, At { value, line });
                }
            }
            Some(from) => {
                let from = self.own(from, made);
                let stage = from.and_then(|from| self.find(&from, earlier.len()));
                let other = stage.map(|stage| &earlier[stage].facts);
                let before = made.facts.copies.len();
                if let Some(other) = other {
                    let made = &mut made.facts;
                    take(other, &sources, &destination, into_folder, made, &self.bounds);
                }
                // What a stage that installs packages hands on is taken to be these.
                let packages = other.is_some_and(|other| !other.python.is_empty());
                if !packages && made.facts.copies.len() == before {
                    let text =
                        format!("what goes to {destination} is made elsewhere, and stays out");
                    self.note(made, text, line);
                }
            }
        }
    }

    /// A path in the image; none where the file has asked for too much already.
    fn place(&self, path: &str, made: &State) -> Option<String> {
        let folder = workdir(&made.facts);
        // Taking a path apart costs more than copying it.
        self.bounds.work(8 * (folder.len() + path.len())).then(|| absolute(folder, path))
    }

    /// A word with the stage's variables replaced; none where it cannot be read.
    fn own(&self, word: &str, made: &State) -> Option<String> {
        let expanded = expand(word, &made.variables, self.file.escape(), &self.bounds);
        expanded.ok().map(|expanded| expanded.text)
    }

    /// The same, and a note where something is missing.
    fn text(&self, word: &str, line: u32, made: &mut State) -> Option<String> {
        match expand(word, &made.variables, self.file.escape(), &self.bounds) {
            Ok(expanded) => {
                for name in expanded.unset {
                    self.note(made, format!("variable {name} has no value here"), line);
                }
                Some(expanded.text)
            }
            Err(bad) => {
                self.note(made, format!("a word cannot be read: {}", bad.0), line);
                None
            }
        }
    }

    fn note(&self, made: &mut State, value: String, line: u32) {
        let (size, value) = (value.len(), At { value, line });
        self.bounds.push(&mut made.facts.notes, size, value);
    }

    /// What a command installs. Long scripts are read, not run.
    fn run(&self, form: &Form, one: &Instruction, made: &mut State) {
        let line = one.line;
        let commands: Vec<Vec<shell::Word>> = match form {
            Form::Shell(text) => {
                // A heredoc that stands alone is the script; elsewhere it is what a command reads.
                let alone = text.trim_start().starts_with("<<");
                let texts = one.heredocs.iter().take(usize::from(alone)).map(|t| &t.content);
                let texts = std::iter::once(text).chain(texts);
                texts
                    .flat_map(|text| shell::commands(text, &made.variables, &self.bounds))
                    .collect()
            }
            Form::Exec(words) => {
                let words = words
                    .iter()
                    .map(|word| shell::Word { text: word.clone(), ..shell::Word::default() });
                vec![words.collect()]
            }
        };
        if let Some(program) = untaken::program(&commands) {
            self.note(made, format!("RUN {program} … is not run"), line);
        }
        for command in commands {
            let installed = install::installed(&command);
            for package in installed.apt {
                if !self.bounds.known(&made.facts.apt, |at| at.value.name == package.name) {
                    let version = package.version.as_ref().map_or(0, String::len);
                    let (size, value) = (package.name.len() + version, At { value: package, line });
                    self.bounds.push(&mut made.facts.apt, size, value);
                }
            }
            for requirement in installed.python {
                let value = located(requirement, &made.facts, &self.bounds);
                if !self.bounds.known(&made.facts.python, |at| at.value == value) {
                    let (size, value) = (requirement_size(&value), At { value, line });
                    self.bounds.push(&mut made.facts.python, size, value);
                }
            }
            if installed.open > 0 {
                let program = command.first().map(|word| word.text.as_str()).unwrap_or_default();
                let value = format!("{program} installs something that only shows when it runs");
                self.note(made, value, line);
            }
        }
    }
}

/// About how many bytes facts take. Environments are there twice: as facts, and as variables.
fn size(facts: &Facts) -> usize {
    fn each<'a, T: 'a>(list: &'a [At<T>], size: impl Fn(&T) -> usize) -> usize {
        list.iter().map(|at| size(&at.value) + size_of::<At<T>>()).sum()
    }
    fn map(map: &BTreeMap<String, At<String>>) -> usize {
        let entry = size_of::<String>() + size_of::<At<String>>();
        map.iter().map(|(name, at)| name.len() + at.value.len() + entry).sum()
    }
    fn form(form: &Form) -> usize {
        match form {
            Form::Shell(text) => text.len(),
            Form::Exec(words) => words.iter().map(|word| word.len() + size_of::<String>()).sum(),
        }
    }
    let version = |apt: &install::Apt| apt.version.as_ref().map_or(0, String::len);
    let texts = [&facts.expose, &facts.volumes, &facts.notes].map(|list| each(list, String::len));
    let forms = [&facts.entrypoint, &facts.cmd].map(|at| at.as_ref().map(|at| &at.value));
    let singles = [&facts.workdir, &facts.user, &facts.stop_signal];
    each(&facts.apt, |apt| apt.name.len() + version(apt))
        + each(&facts.python, requirement_size)
        + each(&facts.copies, copied_size)
        + texts.iter().sum::<usize>()
        + 2 * map(&facts.env)
        + map(&facts.labels)
        + forms.into_iter().flatten().map(form).sum::<usize>()
        + singles.into_iter().flatten().map(|at| at.value.len()).sum::<usize>()
}

fn environment(facts: &Facts) -> Variables {
    let mut variables: BTreeMap<String, String> =
        facts.env.iter().map(|(name, at)| (name.clone(), at.value.clone())).collect();
    variables.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
    variables
}
