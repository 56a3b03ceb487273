//! What a command installs.

use super::shell::Word;

/// A package of the distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apt {
    /// Its name.
    pub name: String,
    /// The version that is asked for.
    pub version: Option<String>,
}

/// What `pip` and its relatives are asked to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// `-r`: a file of requirements, from the context's folder where that is known.
    File(String),
    /// A requirement as it is written: `numpy==2.0`.
    Package(String),
    /// The project itself, or a part of it: `.`, `.[extra]`, `-e .`.
    Project(String),
    /// Everything in a lock: `uv sync`, `poetry install`, `pipenv install`, `pdm sync`.
    Lock(String),
}

/// What a command installs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) apt: Vec<Apt>,
    pub(super) python: Vec<Requirement>,
    /// Words that only running would show.
    pub(super) open: u32,
}

/// Looks at one simple command.
pub(super) fn installed(command: &[Word]) -> Installed {
    let mut installed = Installed::default();
    let mut words = unwrapped(command);
    let program = words.next().map(|word| word.text.rsplit('/').next().unwrap_or_default());
    match program.unwrap_or_default() {
        "apt-get" | "apt" | "aptitude" => apt(words, &mut installed),
        "uv" => uv(words, &mut installed),
        tool @ ("poetry" | "pipenv" | "pdm" | "pixi") => {
            let verb = words.next().map(|word| word.text.as_str());
            let all = matches!(verb, Some("install" | "sync"));
            installed.python.extend(all.then(|| Requirement::Lock(tool.to_owned())));
        }
        name if is_numbered(name, "pip") => pip(words, &mut installed),
        name if is_numbered(name, "python") => {
            let mut rest = words.skip_while(|word| word.text.starts_with('-') && word.text != "-m");
            let module = rest.next().is_some_and(|word| word.text == "-m");
            if module && rest.next().is_some_and(|word| word.text == "pip") {
                pip(rest, &mut installed);
            }
        }
        _ => {}
    }
    installed
}

/// `pip`, `pip3`, `pip3.11`.
pub(super) fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// A command without `sudo`, `env A=b`, `exec` and the like before it.
pub(super) fn unwrapped(command: &[Word]) -> impl Iterator<Item = &Word> {
    const WRAPPERS: [&str; 6] = ["sudo", "env", "exec", "command", "nice", "eatmydata"];
    let mut behind = false;
    command.iter().skip_while(move |word| {
        let text = word.text.as_str();
        let option = behind && text.starts_with('-');
        let wrapper = WRAPPERS.contains(&text);
        behind |= wrapper;
        wrapper || option || (text.contains('=') && !text.starts_with('-'))
    })
}

fn apt<'a>(words: impl Iterator<Item = &'a Word>, installed: &mut Installed) {
    /// Options whose value is a word of its own.
    const VALUED: [&str; 10] = [
        "-o",
        "--option",
        "-t",
        "--target-release",
        "--default-release",
        "-c",
        "--config-file",
        "-a",
        "--host-architecture",
        "-P",
    ];
    let mut arguments = arguments(words, &VALUED);
    if arguments.next().is_none_or(|word| word.text != "install") {
        return;
    }
    for word in arguments {
        match package(&word.text) {
            _ if word.open => installed.open += 1,
            Some(package) => installed.apt.push(package),
            None => {}
        }
    }
}

/// `name`, `name=version`, `name/suite`, `name:architecture`; a path to a file is none.
fn package(word: &str) -> Option<Apt> {
    let (word, version) = match word.split_once('=') {
        Some((word, version)) => (word, Some(version.to_owned())),
        None => (word, None),
    };
    if word.starts_with(['/', '.']) || has_end(word, "deb") {
        return None;
    }
    let name = word.split(['/', ':']).next().unwrap_or(word);
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let is_name = name.len() >= 2 && name.chars().all(fine) && !name.ends_with('-');
    is_name.then(|| Apt { name: name.to_owned(), version })
}

fn uv<'a>(mut words: impl Iterator<Item = &'a Word>, installed: &mut Installed) {
    match words.next().map(|word| word.text.as_str()) {
        Some("pip") => {
            let mut words = words.peekable();
            if words.peek().is_some_and(|word| word.text == "sync") {
                let files = words.skip(1).filter(|word| !word.text.starts_with('-'));
                installed.python.extend(files.map(|word| Requirement::File(word.text.clone())));
            } else {
                pip(words, installed);
            }
        }
        Some("sync") => installed.python.push(Requirement::Lock("uv".to_owned())),
        Some(_) | None => {}
    }
}

fn pip<'a>(words: impl Iterator<Item = &'a Word>, installed: &mut Installed) {
    /// Options whose value is a word of its own.
    const VALUED: [&str; 28] = [
        "-c",
        "--constraint",
        "-i",
        "--index-url",
        "--extra-index-url",
        "--index",
        "--default-index",
        "-f",
        "--find-links",
        "-t",
        "--target",
        "--prefix",
        "--root",
        "--platform",
        "--python-version",
        "--implementation",
        "--abi",
        "--python",
        "-p",
        "--trusted-host",
        "--cache-dir",
        "--timeout",
        "--retries",
        "--proxy",
        "--cert",
        "--no-binary",
        "--only-binary",
        "--progress-bar",
    ];
    let mut words = words.skip_while(|word| word.text.starts_with('-'));
    if words.next().is_none_or(|word| word.text != "install") {
        return;
    }
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        let joined = ["--requirement=", "--editable=", "-r", "-e"];
        let value = joined.iter().find_map(|option| {
            text.strip_prefix(option).filter(|value| !value.is_empty() && !text.starts_with("--r="))
        });
        let is_file = text.starts_with("-r") || text.starts_with("--requirement");
        let is_editable =
            text == "--editable" || text.starts_with("-e") || text.starts_with("--editable=");
        if is_file || is_editable {
            let value = match value {
                Some(value) => Some((value.to_owned(), word.open)),
                None => words.next().map(|word| (word.text.clone(), word.open)),
            };
            match value {
                Some((_, true)) => installed.open += 1,
                Some((path, false)) if is_file => installed.python.push(Requirement::File(path)),
                Some((path, false)) => installed.python.push(Requirement::Project(path)),
                None => {}
            }
        } else if text.starts_with('-') {
            if VALUED.contains(&text) {
                words.next();
            }
        } else if word.open && !text.contains('[') {
            installed.open += 1;
        } else {
            installed.python.extend(named(text));
        }
    }
}

fn has_end(word: &str, end: &str) -> bool {
    std::path::Path::new(word).extension().is_some_and(|own| own.eq_ignore_ascii_case(end))
}

fn named(text: &str) -> Option<Requirement> {
    if text.is_empty() {
        return None;
    }
    let is_path = text.starts_with(['.', '/']) || has_end(text, "whl");
    let owned = text.to_owned();
    Some(if is_path { Requirement::Project(owned) } else { Requirement::Package(owned) })
}

/// Words that are neither options nor their values.
fn arguments<'a>(
    words: impl Iterator<Item = &'a Word>,
    valued: &[&str],
) -> impl Iterator<Item = &'a Word> {
    let mut skip = false;
    words.filter(move |word| {
        let value = std::mem::replace(&mut skip, valued.contains(&word.text.as_str()));
        !value && !word.text.starts_with('-')
    })
}
