//! The tables for pipelines that run on this machine: what takes the place of images, secrets and config maps of a
//! cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ProjectError;
use super::build::package;
use super::reader::{Table, Value};

/// The keys of an image that is made.
pub(super) const STAND: [&str; 3] = ["base", "packages", "python"];

/// The keys of a value of a secret or config map.
pub(super) const SOURCE: [&str; 2] = ["file", "env"];

/// The word for an image that is made from the distribution's packages.
const NATIVE: &str = "native";

/// What pipelines find on this machine instead of in a cluster.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PipelineSettings {
    /// What takes the place of images, by the names that pipelines have for them.
    pub images: Vec<(String, Stand)>,
    /// What stands for secrets, by their names.
    pub secrets: BTreeMap<String, Keys>,
    /// What stands for config maps.
    pub config_maps: BTreeMap<String, Keys>,
}

/// The keys of a secret or config map.
pub type Keys = BTreeMap<String, Source>;

/// What takes the place of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// An image of the distribution's packages, with a shell.
    Native {
        /// Packages besides.
        packages: Vec<String>,
        /// Which Python it has: 3 and 11.
        python: Option<(u32, u32)>,
    },
    /// Another image, by any name that commands take. A relative path begins in the file's folder.
    Image {
        /// As it is written.
        reference: String,
        /// The folder.
        folder: PathBuf,
    },
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In this file.
    File(PathBuf),
    /// In this variable of the environment.
    Variable(String),
    /// Here. Not for secrets.
    Text(String),
}

/// `[images]`.
pub(super) fn images(table: &Table<'_>) -> Result<Vec<(String, Stand)>, ProjectError> {
    let folder = folder(table);
    let one = |value: Value<'_>| Ok((value.key.to_owned(), stand(value, &folder)?));
    table.values().into_iter().map(one).collect()
}

fn stand(value: Value<'_>, folder: &Path) -> Result<Stand, ProjectError> {
    if !value.is_table() {
        return Ok(match value.text()? {
            "" => return Err(value.error(format!("`{}` has an empty name", value.key))),
            NATIVE => Stand::Native { packages: Vec::new(), python: None },
            reference => {
                Stand::Image { reference: reference.to_owned(), folder: folder.to_owned() }
            }
        });
    }
    let table = value.table()?;
    table.only(&STAND)?;
    if table.text("base")?.as_deref() != Some(NATIVE) {
        return Err(table.error(
            format!("`{}` says not what takes its place", value.key),
            "write `base = \"native\"`, or the name of another image in place of the table",
        ));
    }
    let python = table.get("python").map(|value| {
        let parts = value.text()?.split_once('.');
        let numbers = parts.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        numbers.ok_or_else(|| value.error("`python` is a version such as \"3.11\""))
    });
    Ok(Stand::Native { packages: table.list("packages", package)?, python: python.transpose()? })
}

/// `[secrets.NAME]`, all of them.
pub(super) fn secrets(table: &Table<'_>) -> Result<BTreeMap<String, Keys>, ProjectError> {
    let hidden = |value: Value<'_>| {
        value.error(format!(
            "`{}` is a secret, which is not written in a file that others read: \
             write {{ file = \"…\" }} or {{ env = \"VARIABLE\" }}",
            value.key
        ))
    };
    objects(table, &|value| Err(hidden(value)))
}

/// `[config-maps.NAME]`, all of them.
pub(super) fn config_maps(table: &Table<'_>) -> Result<BTreeMap<String, Keys>, ProjectError> {
    objects(table, &|value| Ok(Source::Text(value.scalar()?)))
}

fn objects(
    table: &Table<'_>,
    text: &dyn Fn(Value<'_>) -> Result<Source, ProjectError>,
) -> Result<BTreeMap<String, Keys>, ProjectError> {
    let folder = folder(table);
    let key = |value: Value<'_>| {
        let source = if value.is_table() { source(value, &folder)? } else { text(value)? };
        Ok((value.key.to_owned(), source))
    };
    let object = |value: Value<'_>| {
        let keys = value.table()?.values().into_iter().map(key);
        Ok((value.key.to_owned(), keys.collect::<Result<Keys, ProjectError>>()?))
    };
    table.values().into_iter().map(object).collect()
}

fn source(value: Value<'_>, folder: &Path) -> Result<Source, ProjectError> {
    let table = value.table()?;
    table.only(&SOURCE)?;
    match (table.text("file")?, table.text("env")?) {
        (Some(file), None) => Ok(Source::File(folder.join(file))),
        (None, Some(variable)) => Ok(Source::Variable(variable)),
        (Some(_), Some(_)) | (None, None) => Err(table.error(
            format!("`{}` says not where its value is", value.key),
            "write either `file` or `env`",
        )),
    }
}

/// Where relative paths begin.
fn folder(table: &Table<'_>) -> PathBuf {
    table.path().parent().unwrap_or(Path::new("")).to_owned()
}
