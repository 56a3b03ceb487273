//! What a Dockerfile does that nobody takes over: no line of it vanishes without a word.

use super::install::{is_numbered, unwrapped};
use super::shell::Word;

/// Programs whose work is not missed in an image that was made without them: they install what is read here,
/// make accounts and folders, set modes, clean up, or only steer the shell.
const WITHOUT_LOSS: [&str; 41] = [
    "apt-get",
    "apt",
    "aptitude",
    "rm",
    "rmdir",
    "mkdir",
    "chmod",
    "chown",
    "useradd",
    "adduser",
    "usermod",
    "groupadd",
    "addgroup",
    "groupmod",
    "passwd",
    "set",
    "cd",
    "echo",
    "printf",
    "true",
    "false",
    ":",
    "exit",
    "test",
    "[",
    "[[",
    "export",
    "ulimit",
    "umask",
    "ls",
    "cat",
    "pwd",
    "which",
    "for",
    "case",
    "esac",
    "source",
    ".",
    "sleep",
    "virtualenv",
    "shopt",
];

/// Tools of which only these verbs are without loss: others run programs, or install some of their own.
const TOOLS: [&str; 5] = ["uv", "poetry", "pipenv", "pdm", "pixi"];
const VERBS: [&str; 14] = [
    "add", "cache", "config", "env", "export", "init", "install", "lock", "pip", "python", "self",
    "sync", "update", "venv",
];

/// Modules of Python that are run for the same.
const MODULES: [&str; 5] = ["pip", "venv", "virtualenv", "compileall", "ensurepip"];

/// The first of a `RUN`'s commands whose work is missing: its program, without arguments, which may be
/// nobody's business.
pub(super) fn program(commands: &[Vec<Word>]) -> Option<String> {
    commands.iter().find_map(|command| missing(command))
}

fn missing(command: &[Word]) -> Option<String> {
    if let [first, second, ..] = command
        && first.text == "command"
        && ["-v", "-V"].contains(&second.text.as_str())
    {
        // It asks whether there is such a program.
        return None;
    }
    let mut words = unwrapped(command);
    let first = words.next()?;
    if first.open || first.text.is_empty() {
        return Some("a command".to_owned());
    }
    let path = first.text.as_str();
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut options = words.map(|word| word.text.as_str());
    let (shown, harmless) = if is_numbered(name, "python") {
        let mut rest = options.skip_while(|word| word.starts_with('-') && *word != "-m");
        match (rest.next(), rest.next()) {
            (Some("-m"), Some(module)) => {
                (format!("{name} -m {module}"), MODULES.contains(&module))
            }
            _ => (name.to_owned(), false),
        }
    } else if TOOLS.contains(&name) {
        match options.find(|word| !word.starts_with('-')) {
            Some(verb) => (format!("{name} {verb}"), VERBS.contains(&verb)),
            None => (name.to_owned(), true),
        }
    } else {
        (name.to_owned(), is_numbered(name, "pip") || WITHOUT_LOSS.contains(&name))
    };
    let writes = command.iter().any(|word| word.writes);
    match (harmless, writes) {
        (false, _) => Some(shown),
        (true, true) => Some(format!("{shown} >")),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dockerfile, facts};

    #[test]
    fn no_line_vanishes_without_a_word() {
        let text = "FROM x AS web\nFROM x\nRUN python3 -m nltk.downloader punkt\n\
                    RUN apt-get update && pip install a && rm -rf /x && useradd y\n\
                    RUN mkdir /a && curl -u me:secret -O https://mirror.invalid/model\n\
                    ADD https://me:secret@mirror.invalid/data /data/\nCOPY --from=web /dist /static\n\
                    COPY --from=nginx:1 /etc/nginx /etc/\nCOPY <<EOF /etc/a.conf\nsecret\nEOF\n\
                    SHELL [\"/bin/bash\", \"-c\"]\nHEALTHCHECK CMD curl x\nVOLUME /data\n\
                    RUN python3.11 -m venv /v && /v/bin/pip install -U pip\nCOPY . .\n";
        let facts = facts(&Dockerfile::parse(text).unwrap());
        let lines: Vec<u32> = facts.notes.iter().map(|at| at.line).collect();
        assert_eq!(lines, [3, 5, 6, 7, 8, 9, 12, 13], "{:?}", facts.notes);
        assert_eq!(facts.notes[0].value, "RUN python3 -m nltk.downloader … is not run");
        assert_eq!(facts.notes[1].value, "RUN curl … is not run");
        assert!(facts.notes.iter().all(|at| !at.value.contains("secret")), "{:?}", facts.notes);
        assert_eq!(facts.volumes[0].value, "/data");
    }

    #[test]
    fn what_writes_files_and_runs_programs_is_told() {
        let told = |run: &str| {
            let facts = facts(&Dockerfile::parse(&format!("FROM x\nRUN {run}\n")).unwrap());
            facts.notes.first().map(|at| at.value.clone()).unwrap_or_default()
        };
        let not_run = |what: &str| format!("RUN {what} … is not run");
        assert_eq!(told("uv run python -m nltk.downloader x"), not_run("uv run"));
        assert_eq!(told("poetry --quiet run collect"), not_run("poetry run"));
        assert_eq!(told("echo a >> /etc/odbcinst.ini"), not_run("echo >"));
        assert_eq!(told("cat <<EOF > /app/conf\nx\nEOF"), not_run("cat >"));
        assert_eq!(told("$TOOL make"), not_run("a command"));
        assert_eq!(told("python manage.py x -m secret"), not_run("python"));
        assert_eq!(told("sudo -H make all"), not_run("make"));
        for fine in [
            "sudo -H pip install x",
            "if ! command -v curl; then echo no; fi",
            "pip install x > /dev/null 2>&1",
            "uv sync --frozen",
            "echo a >/tmp/x",
            "apt-get update 2>&1",
            "set -e; poetry install",
        ] {
            assert_eq!(told(fine), "", "{fine}");
        }
    }

    #[test]
    fn a_stage_that_installs_packages_may_hand_them_on() {
        let text = "FROM x AS builder\nRUN pip install --target /p -r requirements.txt\nCOPY app /a/app\n\
                    FROM x\nCOPY --from=builder /p /p\nCOPY --from=builder /a /a\n";
        let facts = facts(&Dockerfile::parse(text).unwrap());
        assert_eq!(facts.notes, []);
    }
}
