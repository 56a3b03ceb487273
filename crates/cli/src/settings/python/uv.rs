//! uv's settings (*uv, Settings reference; Environment variables*).

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Written, WrittenRole};
use crate::settings::{Environment, SettingsError, Variable};

/// Files, the strongest first.
pub(super) fn places(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.path(Variable::Home);
    let config = environment
        .xdg_folder(Variable::XdgConfigHome)
        .or_else(|| home.map(|home| home.join(".config")));
    let user = config.map(|config| config.join("uv/uv.toml"));
    user.into_iter().chain([PathBuf::from("/etc/uv/uv.toml")]).collect()
}

/// `UV_INDEX` holds several, separated by spaces, each with or without `name=`.
pub(super) fn of_environment(environment: &Environment) -> Result<Vec<Written>, SettingsError> {
    let mut all = Vec::new();
    for (variable, role) in [
        (Variable::UvIndex, WrittenRole::Extra),
        (Variable::UvExtraIndexUrl, WrittenRole::Extra),
        (Variable::UvFindLinks, WrittenRole::Links),
        (Variable::UvDefaultIndex, WrittenRole::Default),
        (Variable::UvIndexUrl, WrittenRole::Default),
    ] {
        let text = environment.text(variable)?.unwrap_or_default();
        let separator = |c: char| match role {
            // uv takes a comma here, for paths have spaces.
            WrittenRole::Links => c == ',',
            WrittenRole::Default | WrittenRole::Extra | WrittenRole::Named => c.is_whitespace(),
        };
        for word in text.split(separator).filter(|word| !word.trim().is_empty()) {
            let (name, address) = match word.split_once('=') {
                Some((name, address)) if is_name(name) => (Some(name.to_owned()), address),
                _ => (None, word),
            };
            all.push(Written { name, address: address.to_owned(), role });
        }
    }
    Ok(all)
}

/// *"Index names may only contain ASCII letters, digits, hyphens, underscores, and periods"*.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// `uv.toml`.
pub(super) fn of_file(path: &Path, text: &str) -> Result<Vec<Written>, SettingsError> {
    Ok(of_table(&parse(path, text)?))
}

/// `[tool.uv]` of `pyproject.toml`.
pub(super) fn of_project(path: &Path, text: &str) -> Result<Vec<Written>, SettingsError> {
    let document = parse(path, text)?;
    let tool = document.get("tool").and_then(|tool| tool.get_ref().as_table());
    let uv = tool.and_then(|tool| tool.get("uv")?.get_ref().as_table());
    Ok(uv.map(of_table).unwrap_or_default())
}

fn parse<'t>(path: &Path, text: &'t str) -> Result<DeTable<'t>, SettingsError> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| SettingsError::Malformed {
        path: path.to_owned(),
        reason: error.message().to_owned(),
    })
}

fn of_table(table: &DeTable<'_>) -> Vec<Written> {
    let mut all = Vec::new();
    let indexes = table.get("index").and_then(|value| value.get_ref().as_array());
    for index in indexes.into_iter().flatten().filter_map(|value| value.get_ref().as_table()) {
        let text = |key: &str| index.get(key)?.get_ref().as_str();
        let is =
            |key: &str| index.get(key).and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
        let Some(address) = text("url") else { continue };
        let flat = text("format") == Some("flat");
        let role = match (flat, is("default"), is("explicit")) {
            (true, _, _) => WrittenRole::Links,
            (false, true, _) => WrittenRole::Default,
            (false, false, true) => WrittenRole::Named,
            (false, false, false) => WrittenRole::Extra,
        };
        let name = text("name").filter(|name| is_name(name)).map(str::to_owned);
        all.push(Written { name, address: address.to_owned(), role });
    }
    let pip = table.get("pip").and_then(|value| value.get_ref().as_table());
    for table in [Some(table), pip].into_iter().flatten() {
        for (key, role) in [
            ("extra-index-url", WrittenRole::Extra),
            ("find-links", WrittenRole::Links),
            ("index-url", WrittenRole::Default),
        ] {
            let value = table.get(key).map(toml::Spanned::get_ref);
            for address in texts(value) {
                all.push(Written { name: None, address: address.to_owned(), role });
            }
        }
    }
    all
}

/// A text, or a list of them.
fn texts<'v>(value: Option<&'v DeValue<'_>>) -> Vec<&'v str> {
    match value {
        Some(DeValue::String(text)) => vec![text],
        Some(DeValue::Array(values)) => {
            values.iter().filter_map(|value| value.get_ref().as_str()).collect()
        }
        _ => Vec::new(),
    }
}
