//! From a joined line to an instruction. *`BuildKit`, `line_parsers.go`*.

use super::words;
use crate::error::shortened;
use crate::instruction::{Flag, Form, Instruction, Kind, Transfer};
use crate::{ParseError, Problem};

/// Reads one.
pub(super) fn instruction(
    line: &str,
    number: u32,
    escape: char,
    nested: bool,
) -> Result<Instruction, ParseError> {
    let line = line.trim();
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let read = || {
        let (flags, rest) = flags(rest.trim(), escape)?;
        let kind = kind(keyword, rest.trim(), number, escape, nested)?;
        Ok(Instruction { line: number, flags, kind, heredocs: Vec::new() })
    };
    read().map_err(|problem| ParseError { line: number, problem })
}

fn kind(
    keyword: &str,
    rest: &str,
    number: u32,
    escape: char,
    nested: bool,
) -> Result<Kind, Problem> {
    let keyword = keyword.to_ascii_uppercase();
    let needs = |keyword, needs| Problem::Arguments { keyword, needs };
    let text = |keyword| match rest {
        "" => Err(needs(keyword, "an argument")),
        rest => Ok(rest.to_owned()),
    };
    Ok(match keyword.as_str() {
        "FROM" if nested => return Err(Problem::Onbuild("FROM")),
        "MAINTAINER" if nested => return Err(Problem::Onbuild("MAINTAINER")),
        "ONBUILD" if nested => return Err(Problem::Onbuild("ONBUILD")),
        "FROM" => from(rest)?,
        "ARG" => Kind::Arg(arguments(&text("ARG")?, escape)),
        "ENV" => Kind::Env(pairs("ENV", rest, escape)?),
        "LABEL" => Kind::Label(pairs("LABEL", rest, escape)?),
        "RUN" => Kind::Run(form(&text("RUN")?)),
        "CMD" => Kind::Cmd(form(rest)),
        "ENTRYPOINT" => Kind::Entrypoint(form(rest)),
        "SHELL" => match form(rest) {
            Form::Exec(words) if !words.is_empty() => Kind::Shell(words),
            Form::Exec(_) | Form::Shell(_) => return Err(needs("SHELL", "a JSON list of words")),
        },
        "COPY" => Kind::Copy(transfer("COPY", rest)?),
        "ADD" => Kind::Add(transfer("ADD", rest)?),
        "WORKDIR" => Kind::Workdir(text("WORKDIR")?),
        "USER" => Kind::User(text("USER")?),
        "STOPSIGNAL" => Kind::StopSignal(text("STOPSIGNAL")?),
        "MAINTAINER" => Kind::Maintainer(text("MAINTAINER")?),
        "EXPOSE" => Kind::Expose(spaced(&text("EXPOSE")?)),
        "VOLUME" => Kind::Volume(list(&text("VOLUME")?)),
        "HEALTHCHECK" => Kind::Healthcheck(health(rest)?),
        "ONBUILD" => {
            let inner = instruction(&text("ONBUILD")?, number, escape, true);
            Kind::Onbuild(Box::new(inner.map_err(|error| error.problem)?))
        }
        other => return Err(Problem::Unknown(shortened(other))),
    })
}

fn from(rest: &str) -> Result<Kind, Problem> {
    match spaced(rest).as_slice() {
        [image] => Ok(Kind::From { image: image.clone(), name: None }),
        [image, word, name] if word.eq_ignore_ascii_case("as") => {
            Ok(Kind::From { image: image.clone(), name: Some(name.clone()) })
        }
        _ => Err(Problem::Arguments {
            keyword: "FROM",
            needs: "an image, and perhaps AS and a name",
        }),
    }
}

/// JSON words, or a line for a shell.
fn form(rest: &str) -> Form {
    match json(rest) {
        Some(words) => Form::Exec(words),
        None => Form::Shell(rest.to_owned()),
    }
}

/// What looks like JSON and is none is text: so it always was.
fn json(rest: &str) -> Option<Vec<String>> {
    rest.starts_with('[').then(|| serde_json::from_str(rest).ok()).flatten()
}

fn spaced(rest: &str) -> Vec<String> {
    rest.split_whitespace().map(str::to_owned).collect()
}

fn list(rest: &str) -> Vec<String> {
    json(rest).unwrap_or_else(|| spaced(rest))
}

fn transfer(keyword: &'static str, rest: &str) -> Result<Transfer, Problem> {
    let mut sources = list(rest);
    match sources.pop() {
        Some(destination) if !sources.is_empty() => Ok(Transfer { sources, destination }),
        Some(_) | None => {
            Err(Problem::Arguments { keyword, needs: "at least one source and a destination" })
        }
    }
}

fn arguments(rest: &str, escape: char) -> Vec<(String, Option<String>)> {
    let words = words::split(rest, escape).into_iter();
    let words = words.map(|word| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    });
    words.collect()
}

/// `name=value …`, or the old `name value`.
fn pairs(
    keyword: &'static str,
    rest: &str,
    escape: char,
) -> Result<Vec<(String, String)>, Problem> {
    let needs = Problem::Arguments { keyword, needs: "a name and a value" };
    let words = words::split(rest, escape);
    let Some(first) = words.first() else { return Err(needs) };
    if !first.contains('=') {
        let (name, value) = rest.split_once(char::is_whitespace).ok_or(needs)?;
        return Ok(vec![(name.to_owned(), value.trim_start().to_owned())]);
    }
    let pairs = words.iter().map(|word| match word.split_once('=') {
        Some(("", _)) | None => Err(Problem::NoValue(shortened(word))),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
    });
    pairs.collect()
}

fn health(rest: &str) -> Result<Option<Form>, Problem> {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (kind, rest) = rest.split_at(end);
    match (kind.to_ascii_uppercase().as_str(), rest.trim()) {
        ("NONE", "") => Ok(None),
        ("CMD", rest) if !rest.is_empty() => Ok(Some(form(rest))),
        _ => {
            Err(Problem::Arguments { keyword: "HEALTHCHECK", needs: "NONE, or CMD and a command" })
        }
    }
}

/// Flags stand before everything else; `--` ends them.
fn flags(rest: &str, escape: char) -> Result<(Vec<Flag>, &str), Problem> {
    let mut flags = Vec::new();
    let mut rest = rest;
    while let Some(flag) = rest.strip_prefix("--") {
        let (word, length) = words::unquoted(flag, escape).ok_or(Problem::OpenQuote)?;
        rest = flag[length..].trim_start();
        if word.is_empty() {
            break;
        }
        flags.push(match word.split_once('=') {
            Some((name, value)) => Flag { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Flag { name: word, value: None },
        });
    }
    Ok((flags, rest))
}
