//! What a Dockerfile does that nobody takes over: no line of it vanishes without a word.

use super::install::{is_numbered, unwrapped};
use super::shell::Word;

/// Programs whose work is not missed in an image that was made without them: they install what is read here,
/// make accounts and folders, set modes, clean up, or only steer the shell.
const WITHOUT_LOSS: [&str; 46] = [
    "apt-get",
    "apt",
    "aptitude",
    "uv",
    "poetry",
    "pipenv",
    "pdm",
    "pixi",
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

/// Modules of Python that are run for the same.
const MODULES: [&str; 5] = ["pip", "venv", "virtualenv", "compileall", "ensurepip"];

/// The first of a `RUN`'s commands whose work is missing: its program, without arguments, which may be
/// nobody's business.
pub(super) fn program(commands: &[Vec<Word>]) -> Option<String> {
    commands.iter().find_map(|command| missing(command))
}

fn missing(command: &[Word]) -> Option<String> {
    let mut words = unwrapped(command).map(|word| word.text.as_str());
    let path = words.next()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_numbered(name, "python") {
        let module = words.skip_while(|word| *word != "-m").nth(1);
        let harmless = module.is_some_and(|module| MODULES.contains(&module));
        let shown = module.map_or_else(|| name.to_owned(), |module| format!("{name} -m {module}"));
        return (!harmless).then_some(shown);
    }
    let harmless = is_numbered(name, "pip") || WITHOUT_LOSS.contains(&name);
    (!harmless && !name.is_empty()).then(|| name.to_owned())
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
    fn a_stage_that_installs_packages_may_hand_them_on() {
        let text = "FROM x AS builder\nRUN pip install --target /p -r requirements.txt\nCOPY app /a/app\n\
                    FROM x\nCOPY --from=builder /p /p\nCOPY --from=builder /a /a\n";
        let facts = facts(&Dockerfile::parse(text).unwrap());
        assert_eq!(facts.notes, []);
    }
}
