//! Steps that install their packages when they start: recognised by structure, whatever SDK compiled them.
//!
//! Such a command is a shell that installs and then runs the rest (`"$0" "$@"`). The rest is another shell that writes
//! Python source to a file and runs it with the SDK's executor, or, before version 2, Python itself. Both scripts are
//! read word by word. A script that does anything else is not recognised, and the reason is told: a step whose
//! preparation is lost would be worse than one that stays slow.

mod embedded;
mod pip;
mod rewrite;
mod shell;

pub use embedded::{Embedded, EmbeddedError};
pub use pip::PipInstall;

use shell::Script;

/// A step that installs its packages when it starts, or could be run without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lightweight {
    /// What it installs, in order: usually the user's packages and then the SDK, each with its own options.
    pub installs: Vec<PipInstall>,
    /// Whether it installs into a virtual environment of its own, on top of what the image has.
    pub venv: bool,
    /// What it runs then.
    pub program: Program,
    /// The arguments of that, as they were written, placeholders and all.
    pub args: Vec<String>,
}

/// What a step runs once its packages are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A function of a Python source, by the SDK's executor.
    Function {
        /// The source: a module.
        source: String,
        /// The function's name.
        function: String,
        /// The executor's module: `kfp.dsl.executor_main`.
        executor: String,
    },
    /// A command.
    Command(Vec<String>),
}

/// Why a command is not recognised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLightweight {
    /// A container like any other.
    #[error("it installs nothing when it starts")]
    Plain,
    /// An argument that is not a text until the step runs.
    #[error("its command depends on its inputs")]
    Placeholder,
    /// A script that cannot be read.
    #[error("its script cannot be read: {0}")]
    Script(String),
    /// A script that does something else as well.
    #[error("its script does more than install packages: `{0}`")]
    More(String),
    /// An option or requirement of pip that cannot be carried over.
    #[error("pip's `{0}` cannot be done ahead of time")]
    Pip(String),
    /// Packages that are looked for at different places: an environment is resolved at once, from one list of them.
    #[error(
        "it looks for `{0}` and for `{1}` at different places, or in different ways, which cannot be done at once"
    )]
    Indexes(String, String),
    /// The SDK's executor without a function.
    #[error("its arguments have no `--function_to_execute`")]
    NoFunction,
}

/// Looks at the command and the arguments of a container.
pub fn recognise(command: &[String], args: &[String]) -> Result<Lightweight, NotLightweight> {
    let (preparation, rest) = match command {
        [shell, option, script, rest @ ..]
            if is_shell(shell)
                && option.ends_with('c')
                && !is_executor(script)
                && !rest.is_empty() =>
        {
            (prepare(script)?, rest)
        }
        rest => (Preparation::default(), rest),
    };
    let program = program(rest, args)?;
    if preparation.installs.is_empty() && matches!(program, Program::Command(_)) {
        return Err(NotLightweight::Plain);
    }
    let Preparation { installs, venv } = preparation;
    Ok(Lightweight { installs, venv, program, args: args.to_vec() })
}

fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("sh" | "bash" | "dash" | "ash"))
}

/// Whether a script is the one that runs a source with the SDK's executor.
fn is_executor(script: &str) -> bool {
    script.contains(".executor_main") && script.contains("--component_module_path")
}

#[derive(Debug, Default)]
struct Preparation {
    installs: Vec<PipInstall>,
    venv: bool,
}

/// Reads the script that installs. It must end by running the rest.
fn prepare(script: &str) -> Result<Preparation, NotLightweight> {
    if !script.contains("pip") || !script.contains("install") {
        return Err(NotLightweight::Plain);
    }
    let script = Script::read(script).map_err(NotLightweight::Script)?;
    let mut preparation = Preparation::default();
    let mut runs_rest = false;
    for command in &script.commands {
        if runs_rest {
            return Err(NotLightweight::More(command.shown()));
        }
        if command.is_told_something() {
            return Err(NotLightweight::More(command.shown()));
        }
        let words = command.without_assignments();
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        match texts[..] {
            ["$0", "$@"] => runs_rest = true,
            ["[", ..] | ["!", "[", ..] if command.tests_for_pip() => {}
            [_, "-m", "ensurepip", ..] | ["apt-get", "install", "python3-pip"] => {}
            [] | ["export", ..] if command.only_sets_pip_or_folder() => {}
            [_, "-m", "venv", _, "--system-site-packages"] => preparation.venv = true,
            ["." | "source", activate] if activate.ends_with("/bin/activate") => {}
            ["pip" | "pip3", "install", ref options @ ..]
            | ["python" | "python3", "-m", "pip", "install", ref options @ ..] => {
                let install = PipInstall::read(options)?;
                if let Some(other) =
                    preparation.installs.iter().find(|other| !other.asks_like(&install))
                {
                    let shown = |install: &PipInstall| install.requirements.join(" ");
                    return Err(NotLightweight::Indexes(shown(other), shown(&install)));
                }
                // Before version 2, the same is tried once more with `--user`.
                if !preparation.installs.contains(&install) {
                    preparation.installs.push(install);
                }
            }
            _ => return Err(NotLightweight::More(command.shown())),
        }
    }
    if runs_rest { Ok(preparation) } else { Err(NotLightweight::Plain) }
}

fn program(rest: &[String], args: &[String]) -> Result<Program, NotLightweight> {
    let (executor, source) = match rest {
        [shell, option, script, source]
            if is_shell(shell) && option.ends_with('c') && is_executor(script) =>
        {
            (executor_of(script)?, source)
        }
        [first, ..] if first.contains("{{$") || first.trim_start().starts_with('{') => {
            return Err(NotLightweight::Placeholder);
        }
        words => return Ok(Program::Command(words.to_vec())),
    };
    let function = args.iter().skip_while(|arg| *arg != "--function_to_execute").nth(1);
    let function = function.cloned().ok_or(NotLightweight::NoFunction)?;
    Ok(Program::Function { source: source.clone(), function, executor })
}

/// The module of the executor, from a script that writes `$0` to a file and runs the module on it.
fn executor_of(script: &str) -> Result<String, NotLightweight> {
    let script = Script::read(script).map_err(NotLightweight::Script)?;
    let mut executor = None;
    for command in &script.commands {
        if command.is_told_something() {
            return Err(NotLightweight::More(command.shown()));
        }
        let words = command.without_assignments();
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        match texts[..] {
            [] if command.only_sets_pip_or_folder() => {}
            ["printf", "%s", "$0"] if command.writes.is_some() => {}
            ["python" | "python3", "-m", module, "--component_module_path", _, "$@"]
                if module.ends_with(".executor_main") && executor.is_none() =>
            {
                executor = Some(module.to_owned());
            }
            _ => return Err(NotLightweight::More(command.shown())),
        }
    }
    executor.ok_or(NotLightweight::Plain)
}

impl Lightweight {
    /// The requirements that are the SDK itself.
    pub fn kfp(&self) -> impl Iterator<Item = &str> {
        self.requirements().filter(|requirement| pip::is_kfp(requirement))
    }

    /// All other requirements.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.requirements().filter(|requirement| !pip::is_kfp(requirement))
    }

    /// All requirements, in the order of their installation.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        self.installs.iter().flat_map(|install| &install.requirements).map(String::as_str)
    }

    /// The source of its function.
    pub fn source(&self) -> Option<&str> {
        match &self.program {
            Program::Function { source, .. } => Some(source),
            Program::Command(_) => None,
        }
    }

    /// Lines of its source that look as if they need a shell in the image: number, from 1, and text. A notebook's cells
    /// are looked at as well; their lines have number 0. A sign, no proof: what a program starts is known for certain when it has run.
    pub fn shell_uses(&self) -> Vec<(usize, String)> {
        let mut uses = self.source().map(shell_uses).unwrap_or_default();
        if let Some(notebook) = self.embedded().and_then(|embedded| embedded.notebook_source()) {
            let magic = notebook.lines().filter(|line| is_magic(line));
            uses.extend(magic.map(|line| (0, line.trim().to_owned())));
            uses.extend(shell_uses(&notebook).into_iter().map(|(_, line)| (0, line)));
        }
        uses
    }
}

/// `!ls`, `%%bash`, `%sx`.
fn is_magic(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('!')
        || ["%%bash", "%%sh", "%%script", "%sx", "%%sx", "%system"]
            .iter()
            .any(|m| line.starts_with(m))
}

fn shell_uses(source: &str) -> Vec<(usize, String)> {
    const SIGNS: [&str; 10] = [
        "os.system(",
        "os.popen(",
        "shell=True",
        "getoutput(",
        "getstatusoutput(",
        "create_subprocess_shell(",
        "/bin/sh",
        "/bin/bash",
        "\"bash\"",
        "'bash'",
    ];
    let line = |(at, line): (usize, &str)| {
        let code = line.split_once('#').map_or(line, |(code, _)| code);
        let uses = SIGNS.iter().any(|sign| code.contains(sign))
            || code.contains("['sh',")
            || code.contains("[\"sh\",");
        uses.then(|| (at + 1, line.trim().chars().take(120).collect()))
    };
    source.lines().enumerate().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
