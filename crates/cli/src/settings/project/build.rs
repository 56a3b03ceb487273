//! The tables that say how an image is built. Their keys are also in `docs/lightship.schema.json`; a
//! test holds both together.

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::Digest;
use lightship_build::project::{
    Address, AppKind, AppSettings, ArchivePlace, BaseKind, BaseSettings, BinarySettings,
    BuildSettings, Bytecode, CommandLine, ImageSettings, IndexSettings, InterpreterArchive,
    PythonSettings, Scripts, StaticSettings,
};

use super::ProjectError;
use super::reader::{Table, Value};

pub(super) const IMAGE: [&str; 9] =
    ["name", "tags", "entrypoint", "cmd", "env", "workdir", "user", "expose", "labels"];
pub(super) const PYTHON: [&str; 7] =
    ["version", "requirements", "extras", "groups", "bytecode", "scripts", "no-deps"];
pub(super) const BASE: [&str; 6] = ["suite", "packages", "shell", "interpreter", "sha256", "image"];
pub(super) const APP: [&str; 8] =
    ["include", "exclude", "destination", "binary", "certificates", "zones", "static", "fallback"];
pub(super) const BUILD: [&str; 4] = ["compression", "keep", "layers", "packages"];
pub(super) const INDEX: [&str; 3] = ["url", "default", "packages"];

/// Base, further packages of the distribution, packages of Python, what was made here, byte code, project:
/// what is in different images for different reasons is in different layers.
const FEWEST_LAYERS: u32 = 6;

/// `[image]`.
pub(super) fn image(table: &Table<'_>) -> Result<ImageSettings, ProjectError> {
    table.only(&IMAGE)?;
    Ok(ImageSettings {
        name: table.get("name").map(image_name).transpose()?,
        tags: table.list("tags", tag)?,
        entrypoint: table.get("entrypoint").map(command).transpose()?,
        cmd: table.get("cmd").map(command).transpose()?,
        env: variables(table)?,
        workdir: table.get("workdir").map(absolute).transpose()?,
        user: table.get("user").map(Value::scalar).transpose()?,
        expose: table.list("expose", port)?.into_iter().collect::<BTreeSet<_>>(),
        labels: match table.table("labels")? {
            Some(labels) => labels.texts()?.into_iter().collect(),
            None => BTreeMap::new(),
        },
    })
}

/// An image's name without a tag: those are `tags`.
fn image_name(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.text()?;
    let last = text.rsplit('/').next().unwrap_or(text);
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(value.error(format!("`{text}` is no image's name")));
    }
    if last.contains([':', '@']) {
        return Err(value.error(format!("`{text}` has a tag or a digest: write tags as `tags`")));
    }
    Ok(text.to_owned())
}

/// *OCI distribution-spec 1.1, Pulling manifests*: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn tag(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.scalar()?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty()
        || text.len() > 128
        || text.starts_with(['.', '-'])
        || !text.chars().all(fine)
    {
        return Err(value.error(format!("`{text}` is no tag")));
    }
    Ok(text)
}

/// A list of words as they are, or a line that needs no shell.
fn command(value: Value<'_>) -> Result<CommandLine, ProjectError> {
    let line = if value.is_array() {
        let words = value.elements().into_iter().map(|word| word.text().map(str::to_owned));
        CommandLine::new(words.collect::<Result<_, _>>()?)
    } else {
        CommandLine::split(value.text()?)
    };
    line.map_err(|why| {
        let how =
            "write the words as a list, or [\"sh\", \"-c\", …] and `shell = true` below [base]";
        value.error(format!("`{}` is no command: {why}; {how}", value.key))
    })
}

fn variables(table: &Table<'_>) -> Result<BTreeMap<String, String>, ProjectError> {
    let Some(variables) = table.table("env")? else { return Ok(BTreeMap::new()) };
    let variables = variables.values().into_iter().map(|value| {
        let name = value.key;
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(value.error(format!("`{name}` is no variable's name")));
        }
        Ok((name.to_owned(), value.scalar()?))
    });
    variables.collect()
}

fn absolute(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.text()?;
    if text.starts_with('/') && !text.split('/').any(|part| part == "..") {
        return Ok(text.to_owned());
    }
    Err(value.error(format!("`{}` is `{text}`: write a path from the image's root", value.key)))
}

/// `8080`, `53/udp`.
fn port(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.scalar()?;
    let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    match (number.parse::<u16>(), protocol) {
        (Ok(number @ 1..), "tcp" | "udp" | "sctp") => Ok(format!("{number}/{protocol}")),
        _ => Err(value.error(format!("`{text}` is no port: write one such as 8080 or \"53/udp\""))),
    }
}

/// `[python]`.
pub(super) fn python(table: &Table<'_>) -> Result<PythonSettings, ProjectError> {
    table.only(&PYTHON)?;
    let version = table.get("version").map(|value| {
        // 3.10 without quotes is the number 3.1: better no answer than a wrong one.
        value.text().map_err(|_| value.error("`version` needs quotes: \"3.11\""))?;
        value.parsed()
    });
    Ok(PythonSettings {
        version: version.transpose()?,
        requirements: table.list("requirements", inside)?,
        extras: table.list("extras", text)?,
        groups: table.list("groups", text)?,
        bytecode: table.get("bytecode").map(bytecode).transpose()?,
        scripts: table.get("scripts").map(scripts).transpose()?.unwrap_or_default(),
        no_deps: table.list("no-deps", text)?,
    })
}

fn text(value: Value<'_>) -> Result<String, ProjectError> {
    match value.text()? {
        "" => Err(value.error(format!("`{}` has an empty text", value.key))),
        text => Ok(text.to_owned()),
    }
}

/// A path in the project's folder.
fn inside(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.text()?;
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        let message = format!("`{}` is `{text}`: write a path in the project's folder", value.key);
        return Err(value.error(message));
    }
    Ok(text.trim_start_matches("./").to_owned())
}

fn bytecode(value: Value<'_>) -> Result<Bytecode, ProjectError> {
    let all = [Bytecode::None, Bytecode::Used, Bytecode::All];
    let text = value.text()?;
    all.into_iter()
        .find(|known| known.name() == text)
        .ok_or_else(|| value.error(format!("`bytecode` is `{text}`: write none, used or all")))
}

fn scripts(value: Value<'_>) -> Result<Scripts, ProjectError> {
    if value.is_array() {
        let names = value.elements().into_iter().map(text);
        return Ok(Scripts::Named(names.collect::<Result<_, _>>()?));
    }
    match value.text()? {
        "needed" => Ok(Scripts::Needed),
        "all" => Ok(Scripts::All),
        "none" => Ok(Scripts::None),
        other => Err(value.error(format!(
            "`scripts` is `{other}`: write needed, all, none, or a list of commands"
        ))),
    }
}

/// `[base]`.
pub(super) fn base(table: &Table<'_>) -> Result<BaseSettings, ProjectError> {
    table.only(&BASE)?;
    let kind = match (table.get("interpreter"), table.get("image")) {
        (Some(_), Some(image)) => {
            return Err(image.error("a base is an image or has an interpreter, not both"));
        }
        (None, Some(image)) => {
            let alone = ["suite", "packages", "shell"].into_iter().find_map(|key| table.get(key));
            if let Some(other) = alone {
                let key = other.key;
                let message =
                    format!("`{key}` is for bases made from packages, and this one is an image");
                return Err(other.error(message));
            }
            BaseKind::Image(text(image)?)
        }
        (Some(place), None) => BaseKind::Interpreter(interpreter(table, place)?),
        (None, None) => BaseKind::Native,
    };
    if let (Some(digest), false) = (table.get("sha256"), table.has("interpreter")) {
        return Err(digest.error("`sha256` is the digest of `interpreter`, and there is none"));
    }
    Ok(BaseSettings {
        kind,
        suite: table.get("suite").map(text).transpose()?,
        packages: table.list("packages", package)?,
        shell: table.get("shell").map(Value::boolean).transpose()?,
    })
}

fn interpreter(table: &Table<'_>, place: Value<'_>) -> Result<InterpreterArchive, ProjectError> {
    let Some(digest) = table.get("sha256") else {
        return Err(place.error("`interpreter` needs `sha256`, the digest of the archive"));
    };
    let hex = digest.text()?;
    let sha256: Digest = format!("sha256:{}", hex.trim_start_matches("sha256:"))
        .parse()
        .map_err(|_| digest.error("`sha256` is 64 hex digits"))?;
    let text = text(place)?;
    let place = if text.contains("://") || text.starts_with("${") {
        ArchivePlace::Url(address(place)?)
    } else {
        ArchivePlace::Path(text)
    };
    Ok(InterpreterArchive { place, sha256 })
}

/// The message does not repeat what is written: it may hold a password.
fn address(value: Value<'_>) -> Result<Address, ProjectError> {
    Address::new(value.text()?).map_err(|why| value.error(format!("`{}`: {why}", value.key)))
}

/// *Debian Policy, section 5.6.1*: at least two of these characters; a version or an architecture may
/// follow.
pub(super) fn package(value: Value<'_>) -> Result<String, ProjectError> {
    let text = value.text()?;
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let name = text.split(['=', ':']).next().unwrap_or(text);
    if name.len() < 2 || !name.chars().all(fine) || text.contains(char::is_whitespace) {
        return Err(value.error(format!("`{text}` is no package's name")));
    }
    Ok(text.to_owned())
}

/// `[app]`.
pub(super) fn app(table: &Table<'_>) -> Result<AppSettings, ProjectError> {
    table.only(&APP)?;
    let kind = match (table.get("binary"), table.get("static")) {
        (Some(_), Some(folder)) => {
            return Err(folder.error("an image is for a `binary` or for `static` files, not both"));
        }
        (Some(file), None) => AppKind::Binary(BinarySettings {
            path: inside(file)?,
            certificates: table.get("certificates").map(Value::boolean).transpose()?,
            zones: table.get("zones").map(Value::boolean).transpose()?,
        }),
        (None, Some(folder)) => AppKind::Static(StaticSettings {
            folder: inside(folder)?,
            fallback: table.get("fallback").map(inside).transpose()?,
        }),
        (None, None) => AppKind::Python,
    };
    for (key, other) in [("certificates", "binary"), ("zones", "binary"), ("fallback", "static")] {
        if let Some(value) = table.get(key).filter(|_| !table.has(other)) {
            return Err(value.error(format!("`{key}` is for images with `{other}`")));
        }
    }
    Ok(AppSettings {
        include: patterns(table, "include")?,
        exclude: patterns(table, "exclude")?,
        destination: table.get("destination").map(absolute).transpose()?,
        kind,
    })
}

/// Patterns are tried here, where their line is known.
fn patterns<'a>(table: &Table<'a>, key: &'a str) -> Result<Vec<String>, ProjectError> {
    table.list(key, |value| {
        let pattern = text(value)?;
        AppSettings::pattern(&pattern)
            .map_err(|why| value.error(format!("`{pattern}` is no pattern: {why}")))?;
        Ok(pattern)
    })
}

/// `[build]`.
pub(super) fn build(table: &Table<'_>) -> Result<BuildSettings, ProjectError> {
    table.only(&BUILD)?;
    let layers = table.get("layers").map(|value| {
        let count =
            value.parsed::<u32>().ok().filter(|count| (FEWEST_LAYERS..=127).contains(count));
        count
            .ok_or_else(|| value.error(format!("`layers` is a number from {FEWEST_LAYERS} to 127")))
    });
    Ok(BuildSettings {
        compression: table.get("compression").map(Value::parsed).transpose()?,
        keep: table.list("keep", text)?,
        layers: layers.transpose()?,
        packages: table.list("packages", package)?,
    })
}

/// `[index.LABEL]`, all of them.
pub(super) fn indexes(table: &Table<'_>) -> Result<Vec<IndexSettings>, ProjectError> {
    let mut indexes = Vec::new();
    for value in table.values() {
        let one = value.table()?;
        one.only(&INDEX)?;
        let label = value.key.to_owned();
        if !label.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(value.error(format!("`{label}` is no label: letters, digits, - _ . are")));
        }
        let Some(url) = one.get("url") else {
            return Err(one.error(format!("index {label} has no address"), "write `url`"));
        };
        indexes.push(IndexSettings {
            url: address(url)?,
            default: one.get("default").map(Value::boolean).transpose()?.unwrap_or(false),
            packages: one.list("packages", text)?.iter().map(|name| normalised(name)).collect(),
            label,
        });
    }
    indexes.sort_by(|a, b| a.label.cmp(&b.label));
    match indexes.iter().filter(|index| index.default).nth(1) {
        Some(second) => {
            let message = format!("{} is a second default index", second.label);
            Err(table.error(message, "leave `default = true` at one of them"))
        }
        None => Ok(indexes),
    }
}

/// *PEP 503, Normalized Names*.
fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}
