//! One `[[verify.check]]`.

use std::time::Duration;

use lightship_audit::imports::is_module_name;
use lightship_build::verify::{
    Around, Check, CommandCheck, Expected, ExpectedFile, FileKind, FilesCheck, HttpCheck,
    ImportItem, ImportsCheck, Kind, Pattern, Statuses, Streams,
};
use lightship_sandbox::Network;

use super::ProjectError;
use super::reader::{Table, Value};

/// Keys of any check.
const COMMON: [&str; 6] = ["name", "user", "environment", "network", "timeout", "memory"];
/// Keys of one kind each; the first ones say which kind it is.
const COMMAND: [&str; 6] = ["run", "exit_code", "stdout", "not_stdout", "stderr", "not_stderr"];
const IMPORT: [&str; 1] = ["import"];
const HTTP: [&str; 6] = ["http", "start", "path", "status", "body", "wait"];
const FILES: [&str; 2] = ["files", "absent"];

/// How long a service may take until it answers, where nobody says.
const WAIT: Duration = Duration::from_secs(30);

/// The keys that some check has.
pub(super) fn all_keys() -> Vec<&'static str> {
    [&COMMON[..], &COMMAND, &IMPORT, &HTTP, &FILES].concat()
}

/// Reads one.
pub(super) fn read(table: &Table<'_>) -> Result<Check, ProjectError> {
    let kinds: [(&str, bool, &[&str]); 4] = [
        ("run", table.has("run"), &COMMAND),
        ("import", table.has("import"), &IMPORT),
        ("http", table.has("http"), &HTTP),
        ("files", table.has("files") || table.has("absent"), &FILES),
    ];
    let present: Vec<_> = kinds.iter().filter(|(_, present, _)| *present).collect();
    let [(kind, _, keys)] = present.as_slice() else {
        // Of a mistyped key its name is the better news.
        table.only(&all_keys())?;
        let many = present.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>();
        let message = match many.len() {
            0 => "a check that checks nothing".to_owned(),
            _ => format!("a check with {}", many.join(" and ")),
        };
        return Err(table.error(message, "give each check one of run, import, http or files"));
    };
    foreign(table, kind, keys, &kinds)?;
    let kind = match *kind {
        "run" => Kind::Command(command(table)?),
        "import" => Kind::Imports(imports(table)?),
        "http" => Kind::Http(http(table)?),
        _ => Kind::Files(files(table)?),
    };
    let around = around(table)?;
    let name = table.text("name")?.unwrap_or_else(|| derived_name(&kind));
    Ok(Check { name, kind, around })
}

/// Fails at a key that no check has, or only checks of another kind.
fn foreign(
    table: &Table<'_>,
    kind: &str,
    keys: &[&str],
    kinds: &[(&str, bool, &[&str])],
) -> Result<(), ProjectError> {
    let others = kinds.iter().filter(|(name, ..)| *name != kind);
    for (other, _, theirs) in others {
        if let Some(key) = theirs.iter().find(|key| table.has(key)) {
            let message =
                format!("`{key}` is for checks with `{other}`, and this one has `{kind}`");
            let value = table.get(key).expect("it was just seen");
            return Err(value.error(message));
        }
    }
    table.only(&[&COMMON[..], keys].concat())
}

/// What a check without a name is called: what it does, as it would be typed.
pub fn derived_name(kind: &Kind) -> String {
    match kind {
        Kind::Command(command) => format!("run {}", quoted(&command.run)),
        Kind::Imports(imports) => {
            let names: Vec<&str> =
                imports.modules.iter().map(|item| item.module.as_str()).collect();
            format!("import {}", names.join(", "))
        }
        Kind::Http(http) => format!("http {}{}", http.port, http.path),
        Kind::Files(files) => {
            let there = files.exist.iter().map(|file| file.path.as_str());
            let gone = files.absent.iter().map(|path| format!("no {path}"));
            let all: Vec<String> = there.map(str::to_owned).chain(gone).collect();
            format!("files {}", all.join(", "))
        }
        Kind::EntryPoint(_) => "the entry point starts".to_owned(),
    }
}

/// A command as a shell takes it.
fn quoted(words: &[String]) -> String {
    let quote = |word: &String| match shlex::try_quote(word) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => word.clone(),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// The words of a command line, without a shell: no variables, no redirections. The error says what to
/// do.
pub fn split_command(text: &str) -> Result<Vec<String>, String> {
    const OPERATORS: [&str; 10] = ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>"];
    let words = shlex::split(text).ok_or_else(|| format!("a quote does not end in `{text}`"))?;
    if words.is_empty() {
        return Err("it is empty".to_owned());
    }
    match words.iter().find(|word| OPERATORS.contains(&word.as_str()) || word.ends_with(';')) {
        None => Ok(words),
        Some(word) => Err(format!(
            "`{word}` is a shell's, and no shell runs it; write sh -c '{}' if the image has one",
            text.replace('\'', "'\\''")
        )),
    }
}

fn around(table: &Table<'_>) -> Result<Around, ProjectError> {
    let network = match table.get("network") {
        None => Network::None,
        Some(value) => match value.text()? {
            "none" => Network::None,
            "host" => Network::Host,
            other => return Err(value.error(format!("`network` is `{other}`: write none or host"))),
        },
    };
    let environment = match table.table("environment")? {
        Some(variables) => variables.texts()?.into_iter().collect(),
        None => std::collections::BTreeMap::new(),
    };
    Ok(Around {
        user: table.get("user").map(Value::scalar).transpose()?,
        environment,
        network,
        timeout: table.duration("timeout")?,
        memory: table.size("memory")?,
    })
}

/// A command: one text, which is split into words, or a list of them.
fn words(value: Value<'_>) -> Result<Vec<String>, ProjectError> {
    if !value.is_array() {
        let text = value.text()?;
        return split_command(text)
            .map_err(|why| value.error(format!("`{}` is no command: {why}", value.key)));
    }
    let words = value.elements().into_iter().map(|word| word.text().map(str::to_owned));
    let words: Vec<String> = words.collect::<Result<_, _>>()?;
    if words.is_empty() {
        return Err(value.error(format!("`{}` is no command: it is empty", value.key)));
    }
    Ok(words)
}

fn command(table: &Table<'_>) -> Result<CommandCheck, ProjectError> {
    let exit_code = table.get("exit_code").map(|value| {
        value.parsed::<u8>().map_err(|_| value.error("`exit_code` is a number from 0 to 255"))
    });
    let exit_code = exit_code.transpose()?;
    Ok(CommandCheck {
        run: words(table.get("run").expect("it decided the kind"))?,
        exit_code: exit_code.unwrap_or(0),
        expected: Streams {
            stdout: Expected {
                must: patterns(table, "stdout")?,
                must_not: patterns(table, "not_stdout")?,
            },
            stderr: Expected {
                must: patterns(table, "stderr")?,
                must_not: patterns(table, "not_stderr")?,
            },
        },
    })
}

fn patterns<'a>(table: &Table<'a>, key: &'a str) -> Result<Vec<Pattern>, ProjectError> {
    let elements = table.get(key).map(Value::elements).unwrap_or_default();
    elements.into_iter().map(pattern).collect()
}

fn pattern(value: Value<'_>) -> Result<Pattern, ProjectError> {
    let text = value.text()?;
    Pattern::new(text).map_err(|error| {
        // The first lines draw the place; the last one says what is wrong.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        value.error(format!("`{}` is no pattern: {why}", value.key))
    })
}

fn imports(table: &Table<'_>) -> Result<ImportsCheck, ProjectError> {
    let value = table.get("import").expect("it decided the kind");
    let modules = value.elements().into_iter().map(|module| {
        let name = module.text()?;
        if is_module_name(name) {
            Ok(ImportItem::named(name))
        } else {
            Err(module.error(format!("`{name}` is no module's name; write one such as os.path")))
        }
    });
    Ok(ImportsCheck { modules: modules.collect::<Result<_, _>>()? })
}

fn http(table: &Table<'_>) -> Result<HttpCheck, ProjectError> {
    let port = table.get("http").expect("it decided the kind");
    let path = match table.get("path") {
        None => "/".to_owned(),
        Some(value) => match value.text()? {
            path if path.starts_with('/')
                && !path.contains(|c: char| c.is_control() || c == ' ') =>
            {
                path.to_owned()
            }
            other => {
                return Err(
                    value.error(format!("`path` is `{other}`: it begins with / and has no spaces"))
                );
            }
        },
    };
    Ok(HttpCheck {
        start: table.get("start").map(words).transpose()?,
        port: port.parsed().map_err(|_| {
            port.error("`http` is a port, a number from 1 to 65535; `path` says what to ask for")
        })?,
        path,
        status: table.get("status").map(statuses).transpose()?.unwrap_or_default(),
        body: table.get("body").map(pattern).transpose()?,
        wait: table.duration("wait")?.unwrap_or(WAIT),
    })
}

fn statuses(value: Value<'_>) -> Result<Statuses, ProjectError> {
    let text = value.scalar()?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|status| (100..600).contains(status));
    let range = match text.split_once("..") {
        Some((first, last)) => {
            number(first).zip(number(last)).filter(|(first, last)| first <= last)
        }
        None => number(&text).map(|status| (status, status)),
    };
    range.map(|(first, last)| Statuses(first..=last)).ok_or_else(|| {
        value.error(format!("`status` is `{text}`: write one such as 200, or \"200..399\""))
    })
}

fn files(table: &Table<'_>) -> Result<FilesCheck, ProjectError> {
    let elements = |key| table.get(key).map(Value::elements).unwrap_or_default();
    Ok(FilesCheck {
        exist: elements("files").into_iter().map(file).collect::<Result<_, _>>()?,
        absent: elements("absent").into_iter().map(path).collect::<Result<_, _>>()?,
    })
}

fn path(value: Value<'_>) -> Result<String, ProjectError> {
    match value.text()? {
        path if path.starts_with('/') => Ok(path.to_owned()),
        other => {
            Err(value.error(format!("`{other}` is no path from the image's root; write /{other}")))
        }
    }
}

fn file(value: Value<'_>) -> Result<ExpectedFile, ProjectError> {
    if !value.is_table() {
        return path(value).map(ExpectedFile::at);
    }
    let table = value.table()?;
    table.only(&["path", "mode", "kind"])?;
    let Some(place) = table.get("path") else {
        return Err(value.error("a file without `path`"));
    };
    let mode = table.get("mode").map(|mode| {
        let text = mode.text()?;
        let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777);
        bits.ok_or_else(|| {
            mode.error(format!("`mode` is `{text}`: write octal digits, as \"0755\""))
        })
    });
    let kind = table.get("kind").map(|kind| match kind.text()? {
        "file" => Ok(FileKind::File),
        "folder" => Ok(FileKind::Folder),
        "link" => Ok(FileKind::Link),
        other => Err(kind.error(format!("`kind` is `{other}`: write file, folder or link"))),
    });
    Ok(ExpectedFile { path: path(place)?, mode: mode.transpose()?, kind: kind.transpose()? })
}
